/** One call of one of the tools, or several: the model family's own syntax around arguments that are valid against the tool's schema. */
import type { OutputConstraint } from '../domain/output-constraint.js';
import { type Grammar, type GrammarNode, EMPTY, choice, literal, sequence } from './grammar/node.js';
import { RuleSet } from './grammar/rule-set.js';
import { compileSchema } from './json/compile-schema.js';
import type { GrammarLimits } from './limits.js';
import { refuse } from './refuse.js';

export function toolCallGrammar(
  { tools, syntax, parallel }: Extract<OutputConstraint, { kind: 'tool_calls' }>,
  limits: GrammarLimits,
): Grammar {
  if (tools.length === 0) refuse('tool_calls', 'there is no tool to call');
  const rules = new RuleSet();
  const { open, before, between, after, separator, close } = syntax;
  const calls = tools.map(({ name, parameters }) =>
    sequence(
      literal(before + JSON.stringify(name).slice(1, -1) + between),
      compileSchema(parameters, `tool ${JSON.stringify(name)} `, rules, limits),
      literal(after),
    ),
  );
  const call = rules.share('call', () => choice(...calls));
  const list: GrammarNode = parallel
    ? {
        kind: 'list',
        separator: literal(separator),
        items: [{ node: call, optional: false }],
        rest: { node: call, min: 0, max: null },
        after: EMPTY,
      }
    : call;
  return rules.finish(sequence(literal(open), list, literal(close)));
}
