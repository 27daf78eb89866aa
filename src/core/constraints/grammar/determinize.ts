/** Nondeterministic -> deterministic, by the construction of subsets. */
import type { Budget } from './budget.js';
import type { Dfa, DfaState } from './dfa.js';
import type { ByteEdge, Nfa, RuleEdge } from './nfa.js';

/** States between two pauses, for whoever runs this in slices. */
const SLICE = 256;

export function* determinize(nfa: Nfa, start: number, end: number, budget: Budget, what: string): Generator<void, Dfa, void> {
  const subsets: number[][] = [];
  const indices = new Map<string, number>();
  const indexOf = (states: readonly number[]): number => {
    const subset = closure(nfa, states, end);
    const key = subset.join();
    const known = indices.get(key);
    if (known !== undefined) return known;
    budget.check(subsets.length + 1, what);
    indices.set(key, subsets.length);
    subsets.push(subset);
    return subsets.length - 1;
  };
  indexOf([start]);
  const dfa: DfaState[] = [];
  for (let i = 0; i < subsets.length; i++) {
    if (i % SLICE === SLICE - 1) yield;
    const subset = subsets[i]!;
    dfa.push({ bytes: byteEdges(nfa, subset, indexOf), rules: ruleEdges(nfa, subset, indexOf), accepts: subset.includes(end) });
  }
  return dfa;
}

/** What can be reached without a byte, ascending: only states that something leaves, and the end. */
function closure(nfa: Nfa, states: readonly number[], end: number): number[] {
  const seen = new Set(states);
  for (const state of seen) for (const next of nfa.empty[state]!) seen.add(next);
  const matters = (state: number): boolean => state === end || nfa.bytes[state]!.length > 0 || nfa.rules[state]!.length > 0;
  return [...seen].filter(matters).sort((a, b) => a - b);
}

function byteEdges(nfa: Nfa, subset: readonly number[], indexOf: (states: readonly number[]) => number): ByteEdge[] {
  const edges = subset.flatMap((state) => nfa.bytes[state]!);
  const cuts = [...new Set(edges.flatMap(({ low, high }) => [low, high + 1]))].sort((a, b) => a - b);
  const placeOf = new Map(cuts.map((cut, i) => [cut, i]));
  const targets = cuts.map((): Set<number> => new Set());
  for (const { low, high, to } of edges) {
    for (let i = placeOf.get(low)!; i < placeOf.get(high + 1)!; i++) targets[i]!.add(to);
  }
  const merged: { low: number; high: number; to: number }[] = [];
  const known = new Map<string, number>();
  for (let i = 0; i + 1 < cuts.length; i++) {
    if (targets[i]!.size === 0) continue;
    const [low, high] = [cuts[i]!, cuts[i + 1]! - 1];
    const states = [...targets[i]!];
    const key = states.join();
    const to = known.get(key) ?? indexOf(states);
    known.set(key, to);
    const before = merged.at(-1);
    if (before?.to === to && before.high + 1 === low) before.high = high;
    else merged.push({ low, high, to });
  }
  return merged;
}

function ruleEdges(nfa: Nfa, subset: readonly number[], indexOf: (states: readonly number[]) => number): RuleEdge[] {
  const targets = new Map<number, number[]>();
  for (const { rule, to } of subset.flatMap((state) => nfa.rules[state]!)) targets.set(rule, [...(targets.get(rule) ?? []), to]);
  return [...targets].map(([rule, states]) => ({ rule, to: indexOf(states) }));
}
