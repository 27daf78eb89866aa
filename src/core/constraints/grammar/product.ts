/** Two automata without rules, run side by side: what both accept, or what only the first does. */
import type { Budget } from './budget.js';
import type { Dfa, DfaState } from './dfa.js';
import type { ByteEdge } from './nfa.js';

/** A state of the second that nothing leaves. */
const DEAD = -1;

export function product(a: Dfa, b: Dfa, accepts: 'both' | 'first-only', budget: Budget, what: string): Dfa {
  const pairs: (readonly [number, number])[] = [];
  const indices = new Map<number, number>();
  const indexOf = (i: number, j: number): number => {
    const key = i * (b.length + 1) + j + 1;
    const known = indices.get(key);
    if (known !== undefined) return known;
    budget.check(pairs.length + 1, what);
    indices.set(key, pairs.length);
    pairs.push([i, j]);
    return pairs.length - 1;
  };
  indexOf(0, 0);
  const states: DfaState[] = [];
  for (let n = 0; n < pairs.length; n++) {
    const [i, j] = pairs[n]!;
    const second = b[j]?.accepts ?? false;
    const bytes: ByteEdge[] = [];
    for (const edge of a[i]!.bytes) {
      for (const { low, high, to } of overlay(edge, b[j]?.bytes ?? [])) {
        if (to !== DEAD || accepts === 'first-only') bytes.push({ low, high, to: indexOf(edge.to, to) });
      }
    }
    states.push({ bytes, rules: [], accepts: a[i]!.accepts && second === (accepts === 'both') });
  }
  return states;
}

/** The range of an edge in the parts that `others` cut it into, each with where they lead. */
function overlay({ low, high }: ByteEdge, others: readonly ByteEdge[]): ByteEdge[] {
  const parts: ByteEdge[] = [];
  let next = low;
  for (const other of others) {
    if (other.high < next || other.low > high) continue;
    if (other.low > next) parts.push({ low: next, high: other.low - 1, to: DEAD });
    parts.push({ low: Math.max(next, other.low), high: Math.min(high, other.high), to: other.to });
    next = other.high + 1;
  }
  if (next <= high) parts.push({ low: next, high, to: DEAD });
  return parts;
}
