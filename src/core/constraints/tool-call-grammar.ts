/** Calls of tools: the model family's own syntax around arguments that are valid against the tool's schema. */
import type { CallableTool, OutputConstraint, ToolCallSyntax } from '../domain/output-constraint.js';
import { ANY_CODE_POINT } from './grammar/code-points.js';
import { type Grammar, type GrammarNode, EMPTY, chars, choice, literal, repeat, sequence } from './grammar/node.js';
import { RuleSet } from './grammar/rule-set.js';
import { compileSchema } from './json/compile-schema.js';
import type { GrammarLimits } from './limits.js';
import { refuse } from './refuse.js';

/** One call of one of the tools, or several, and nothing else. */
export function toolCallGrammar(
  { tools, syntax, parallel }: Extract<OutputConstraint, { kind: 'tool_calls' }>,
  limits: GrammarLimits,
): Grammar {
  if (tools.length === 0) refuse('tool_calls', 'there is no tool to call');
  const rules = new RuleSet();
  const { open, separator, close } = syntax;
  const call = anyCall(tools, syntax, rules, limits);
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

/** Text as the model likes; behind every mark one call. */
export function markedCallGrammar(
  { tools, syntax, parallel }: Extract<OutputConstraint, { kind: 'marked_calls' }>,
  limits: GrammarLimits,
): Grammar {
  const rules = new RuleSet();
  const mark = literal(syntax.mark);
  const anything = repeat(chars(ANY_CODE_POINT), 0, null);
  const text: GrammarNode = { kind: 'minus', item: anything, without: sequence(anything, mark, anything) };
  const marked = sequence(mark, anyCall(tools, syntax, rules, limits), text);
  return rules.finish(sequence(text, repeat(marked, 0, parallel ? null : 1)));
}

function anyCall(
  tools: readonly CallableTool[],
  { before, between, after }: Pick<ToolCallSyntax, 'before' | 'between' | 'after'>,
  rules: RuleSet,
  limits: GrammarLimits,
): GrammarNode {
  const calls = tools.map(({ name, parameters }) =>
    sequence(
      literal(before + JSON.stringify(name).slice(1, -1) + between),
      compileSchema(parameters, `tool ${JSON.stringify(name)} `, rules, limits),
      literal(after),
    ),
  );
  return rules.share('call', () => choice(...calls));
}
