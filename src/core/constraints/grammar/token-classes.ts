/**
 * Which states of a rule no token can tell apart: a string of at most 5,000 characters has as many states, and all but the last few
 * allow the same tokens. Found by refining a partition as often as a token has bytes; every edge is at least a byte.
 */
import type { Dfa } from './dfa.js';

export interface TokenClasses {
  readonly of: readonly number[]; // by state
  readonly count: number;
}

/** Below this there is little to gain. */
const SMALL = 64;

export function tokenClasses(dfa: Dfa, nullable: readonly boolean[], longestToken: number): TokenClasses {
  // A rule that may be empty is an edge without a byte: how far a token sees is not known then.
  const isBlind = dfa.length < SMALL || dfa.some(({ rules }) => rules.some(({ rule }) => nullable[rule]));
  if (isBlind) return { of: dfa.map((_, s) => s), count: dfa.length };
  let current: TokenClasses = { of: dfa.map(({ accepts }) => (accepts ? 1 : 0)), count: 0 };
  for (let round = 0; round < longestToken; round++) {
    const refined = refine(dfa, current.of);
    if (refined.count === current.count) break;
    current = refined;
  }
  return current;
}

function refine(dfa: Dfa, of: readonly number[]): TokenClasses {
  const indices = new Map<string, number>();
  const classes = dfa.map(({ bytes, rules }, s) => {
    let key = `${of[s]}`;
    let low = -1;
    let high = -1;
    let to = -1;
    for (const edge of bytes) {
      const target = of[edge.to]!;
      if (target === to && edge.low === high + 1) {
        high = edge.high;
        continue;
      }
      if (to >= 0) key += `,${low}-${high}:${to}`;
      [low, high, to] = [edge.low, edge.high, target];
    }
    if (to >= 0) key += `,${low}-${high}:${to}`;
    for (const edge of rules) key += `;${edge.rule}:${of[edge.to]}`;
    const index = indices.get(key) ?? indices.size;
    indices.set(key, index);
    return index;
  });
  return { of: classes, count: indices.size };
}
