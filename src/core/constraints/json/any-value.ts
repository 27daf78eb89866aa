/** JSON of any shape, as rules that all schemas of a grammar share. */
import { EMPTY, type GrammarNode, choice, literal, repeat, sequence } from '../grammar/node.js';
import type { RuleSet } from '../grammar/rule-set.js';
import type { JsonLayout } from '../limits.js';
import { BOOLEAN, NULL, NUMBER, STRING_CHAR, colon, gap, quoted } from './json-text.js';

export function anyString(rules: RuleSet): GrammarNode {
  return rules.share('string', () => quoted(repeat(STRING_CHAR, 0, null)));
}

export function anyNumber(rules: RuleSet): GrammarNode {
  return rules.share('number', () => NUMBER);
}

export function anyValue(rules: RuleSet, layout: JsonLayout): GrammarNode {
  return rules.share('value', () =>
    choice(anyObject(rules, layout), anyArray(rules, layout), anyString(rules), anyNumber(rules), BOOLEAN, NULL),
  );
}

export function anyObject(rules: RuleSet, layout: JsonLayout): GrammarNode {
  return rules.share('object', () => {
    const member = sequence(anyString(rules), colon(layout), anyValue(rules, layout));
    return enclosed('{', { items: [], rest: { node: member, min: 0, max: null } }, '}', layout);
  });
}

export function anyArray(rules: RuleSet, layout: JsonLayout): GrammarNode {
  return rules.share('array', () => {
    return enclosed('[', { items: [], rest: { node: anyValue(rules, layout), min: 0, max: null } }, ']', layout);
  });
}

export interface Enclosed {
  readonly items: readonly { readonly node: GrammarNode; readonly optional: boolean }[];
  readonly rest: { readonly node: GrammarNode; readonly min: number; readonly max: number | null } | null;
}

/** Items between brackets, with commas and white space where people put them. */
export function enclosed(open: string, { items, rest }: Enclosed, close: string, layout: JsonLayout): GrammarNode {
  const space = gap(layout);
  if (items.length === 0 && rest === null) return literal(open + close);
  const list: GrammarNode = {
    kind: 'list',
    separator: space === EMPTY ? literal(',') : sequence(literal(','), space),
    items,
    rest,
    after: space,
  };
  return sequence(literal(open), space, list, literal(close));
}
