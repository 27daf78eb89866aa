/** The automata of all rules that the root needs, numbered through and put into arrays. */
import type { Automaton } from '../automaton.js';
import type { Dfa, DfaState } from './dfa.js';
import { tokenClasses } from './token-classes.js';

export function* linkRules(
  rules: readonly Dfa[],
  root: number,
  nullable: readonly boolean[],
  longestToken: number,
): Generator<void, Automaton, void> {
  const offsets = new Map([[root, 0]]);
  const states: { readonly state: DfaState; readonly offset: number }[] = [];
  for (const [rule] of offsets) {
    const offset = states.length;
    offsets.set(rule, offset);
    for (const state of rules[rule]!) {
      states.push({ state, offset });
      for (const edge of state.rules) if (!offsets.has(edge.rule)) offsets.set(edge.rule, 0);
    }
  }
  const { classOf, classes } = byteClasses(states.map(({ state }) => state));
  const next = new Int32Array(states.length * classes).fill(-1);
  const edgeStart = new Int32Array(states.length + 1);
  const entries: number[] = [];
  const returns: number[] = [];
  states.forEach(({ state, offset }, s) => {
    for (const { low, high, to } of state.bytes) {
      for (let of = classOf[low]!; of <= classOf[high]!; of++) next[s * classes + of] = offset + to;
    }
    for (const { rule, to } of state.rules) {
      entries.push(offsets.get(rule)!);
      returns.push(isEnd(states[offset + to]!.state) ? -1 : offset + to);
    }
    edgeStart[s + 1] = entries.length;
  });
  const tokenClass = new Int32Array(states.length);
  let used = 0;
  for (const [rule, offset] of offsets) {
    const { of, count } = tokenClasses(rules[rule]!, nullable, longestToken);
    of.forEach((value, s) => (tokenClass[offset + s] = used + value));
    used += count;
    yield;
  }
  return {
    size: states.length,
    classOf,
    classes,
    next,
    edgeStart,
    edgeEntry: Int32Array.from(entries),
    edgeReturn: Int32Array.from(returns),
    accepts: Uint8Array.from(states, ({ state }) => (state.accepts ? 1 : 0)),
    reads: Uint8Array.from(states, ({ state }) => (state.bytes.length > 0 ? 1 : 0)),
    tokenClass,
    start: 0,
  };
}

function isEnd({ accepts, bytes, rules }: DfaState): boolean {
  return accepts && bytes.length === 0 && rules.length === 0;
}

/** Classes are ranges of bytes, ascending. */
function byteClasses(states: readonly DfaState[]): { classOf: Uint8Array; classes: number } {
  const cuts = new Uint8Array(257);
  for (const { bytes } of states) {
    for (const { low, high } of bytes) {
      cuts[low] = 1;
      cuts[high + 1] = 1;
    }
  }
  const classOf = new Uint8Array(256);
  let current = 0;
  for (let byte = 1; byte < 256; byte++) classOf[byte] = current += cuts[byte]!;
  return { classOf, classes: current + 1 };
}
