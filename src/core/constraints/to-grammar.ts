/** A constraint as a client gives it -> the grammar of the answer. Throws InvalidRequest for what is not understood. */
import type { OutputConstraint } from '../domain/output-constraint.js';
import { parseGrammar } from './ebnf/parse-grammar.js';
import type { Grammar } from './grammar/node.js';
import { RuleSet } from './grammar/rule-set.js';
import { anyObject } from './json/any-value.js';
import { compileSchema } from './json/compile-schema.js';
import type { GrammarLimits } from './limits.js';
import { parseRegex } from './regex/parse-regex.js';
import { refuse } from './refuse.js';
import { markedCallGrammar, toolCallGrammar } from './tool-call-grammar.js';

const SUBSET = 'docs/constraints.md lists what expressions may hold.';

export function toGrammar(constraint: OutputConstraint, limits: GrammarLimits): Grammar {
  const rules = new RuleSet();
  switch (constraint.kind) {
    case 'json_object':
      return rules.finish(anyObject(rules, limits.json));
    case 'json_schema':
      return rules.finish(compileSchema(constraint.schema, '', rules, limits));
    case 'regex':
      return rules.finish(parseRegex(constraint.pattern, { search: false, refuse: (message) => refuse('regex', message, SUBSET) }));
    case 'grammar':
      return parseGrammar(constraint.source);
    case 'tool_calls':
      return toolCallGrammar(constraint, limits);
    case 'marked_calls':
      return markedCallGrammar(constraint, limits);
  }
}
