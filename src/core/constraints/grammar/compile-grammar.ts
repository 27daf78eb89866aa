/** Grammar -> automaton. Runs in slices: whoever drives it decides when to go on, and when it has taken too long. */
import type { Automaton } from '../automaton.js';
import { type ConstraintKind, refuse } from '../refuse.js';
import { Budget } from './budget.js';
import { buildNfa } from './build-nfa.js';
import { determinize } from './determinize.js';
import type { Dfa } from './dfa.js';
import { leftRecursion, nullableRules } from './left-recursion.js';
import { linkRules } from './link-rules.js';
import type { Grammar } from './node.js';
import { trim } from './trim.js';

export interface CompileOptions {
  /** In messages. */
  readonly origin: ConstraintKind;
  readonly maxStates: number;
  /** Bytes of the longest token: states that differ only further ahead allow the same tokens. */
  readonly longestToken: number;
}

export function* compileGrammar(grammar: Grammar, options: CompileOptions): Generator<void, Automaton, void> {
  const budget = new Budget(options.origin, options.maxStates);
  const rules: Dfa[] = [];
  for (const { name, node } of grammar.rules) {
    const { nfa, start, end } = yield* buildNfa(node, budget, name);
    const dfa = yield* determinize(nfa, start, end, budget, name);
    budget.take(dfa.length, name);
    rules.push(dfa);
    yield;
  }
  const trimmed = yield* trim(rules);
  if (trimmed[grammar.root]!.length === 0)
    refuse(options.origin, 'no text can satisfy it', 'Look for bounds or alternatives that exclude each other.');
  const nullable = yield* nullableRules(trimmed);
  const cycle = leftRecursion(trimmed, nullable);
  if (cycle !== null) {
    const names = cycle.map((rule) => grammar.rules[rule]!.name).join(' -> ');
    refuse(options.origin, `${names} is left-recursive`, 'Write it with a repetition: list ::= item (", " item)*.');
  }
  return yield* linkRules(trimmed, grammar.root, nullable, options.longestToken);
}
