/** A rule that can come back to itself without reading a byte would go in for ever. */
import type { Dfa } from './dfa.js';

/** By rule: whether it derives the empty text. */
export function* nullableRules(rules: readonly Dfa[]): Generator<void, boolean[], void> {
  const nullable = rules.map(() => false);
  for (let changed = true; changed;) {
    yield;
    changed = false;
    for (let rule = rules.length - 1; rule >= 0; rule--) {
      const dfa = rules[rule]!;
      if (nullable[rule] || !atStart(dfa, nullable).some((state) => dfa[state]!.accepts)) continue;
      nullable[rule] = true;
      changed = true;
    }
  }
  return nullable;
}

/** The rules of such a circle, the first one again at its end; null where there is none. */
export function leftRecursion(rules: readonly Dfa[], nullable: readonly boolean[]): number[] | null {
  const first = rules.map((dfa) => new Set(atStart(dfa, nullable).flatMap((state) => dfa[state]!.rules.map(({ rule }) => rule))));
  const done = new Set<number>();
  const find = (rule: number, path: number[]): number[] | null => {
    const at = path.indexOf(rule);
    if (at >= 0) return [...path.slice(at), rule];
    if (done.has(rule)) return null;
    for (const next of first[rule]!) {
      const cycle = find(next, [...path, rule]);
      if (cycle !== null) return cycle;
    }
    done.add(rule);
    return null;
  };
  for (let rule = 0; rule < rules.length; rule++) {
    const cycle = find(rule, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

/** States of a rule that can be reached before anything is read. */
function atStart(dfa: Dfa, nullable: readonly boolean[]): number[] {
  if (dfa.length === 0) return [];
  const seen = new Set([0]);
  for (const state of seen) for (const { rule, to } of dfa[state]!.rules) if (nullable[rule]) seen.add(to);
  return [...seen];
}
