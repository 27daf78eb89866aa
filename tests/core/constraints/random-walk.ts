import { type Vocabulary, idsOf, tokenMatcher } from './support.js';
import type { Automaton } from '../../../src/core/constraints/automaton.js';

/** A text that the automaton derives, one random byte after the other; null where it did not come to an end. Ends are preferred. */
export function randomText(automaton: Automaton, bytes: Vocabulary, draw: () => number, limit = 400): string | null {
  const { matcher } = tokenMatcher(automaton, bytes);
  const text: number[] = [];
  for (;;) {
    const ids = idsOf(matcher.mask([]));
    if (matcher.isComplete && (ids.length === 0 || draw() < 0.4)) return Buffer.from(text).toString('utf8');
    if (text.length === limit) return null;
    if (ids.length === 0) throw new Error(`nothing continues ${JSON.stringify(Buffer.from(text).toString('utf8'))}`);
    const closing = ids.filter((id) => '"}]'.includes(String.fromCharCode(id)));
    const among = closing.length > 0 && draw() < 0.5 ? closing : ids;
    const id = among[Math.floor(draw() * among.length)]!;
    matcher.accept(id);
    text.push(id);
  }
}

/** Uniform in [0, 1). */
export function draws(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
