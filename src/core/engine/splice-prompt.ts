/**
 * The seam between what a model emitted and what its text encodes to. A client sends an answer back as text, and that may encode to
 * other ids than the ones whose KV is kept. Where the bytes of both are the same, the emitted ids stay and the prompt's follow at the
 * last place at which a token ends in both: nothing is encoded out of its context, and no character is cut that was not cut before.
 */
import { commonPrefix } from '../domain/common-prefix.js';
import type { Tokenizer } from '../ports.js';

export interface Seam {
  /** The rendered prompt, and what it encodes to. */
  readonly text: string;
  readonly ids: Int32Array;
  /** Ids that some sequence holds. */
  readonly earlier: Int32Array;
  readonly tokenizer: Pick<Tokenizer, 'decode' | 'tokenBytes'>;
}

/** Ids of the same text that share at least as much with `earlier` as `ids` do; `ids` itself where there is nothing to gain. */
export function splicePrompt({ text, ids, earlier, tokenizer }: Seam): Int32Array {
  const shared = commonPrefix(ids, earlier);
  if (shared === ids.length || shared === earlier.length) return ids;
  const end = commonEnd(ids, earlier, shared, (id) => tokenizer.tokenBytes(id));
  if (end.earlier === shared) return ids;
  const spliced = new Int32Array(end.earlier + ids.length - end.ids);
  spliced.set(earlier.subarray(0, end.earlier));
  spliced.set(ids.subarray(end.ids), end.earlier);
  // Not every decoder makes text of bytes alone (some put spaces between tokens): the text decides.
  const decoded = decode(tokenizer, spliced);
  return decoded === text || decoded === decode(tokenizer, ids) ? spliced : ids;
}

/** How many tokens of each list end at the last common place of the bytes that both share from `start` on. */
function commonEnd(
  ids: Int32Array,
  earlier: Int32Array,
  start: number,
  bytesOf: (id: number) => Uint8Array,
): { readonly ids: number; readonly earlier: number } {
  let [i, j] = [start, start];
  let end = { ids: i, earlier: j };
  // Bytes of tokens taken that the other list has not reached yet: one of the two is always empty.
  let now: Uint8Array = new Uint8Array(0);
  let was = now;
  for (;;) {
    if (now.length === 0 && was.length === 0) end = { ids: i, earlier: j };
    if (was.length === 0) {
      if (j === earlier.length) return end;
      was = bytesOf(earlier[j++]!);
    } else {
      if (i === ids.length) return end;
      now = bytesOf(ids[i++]!);
    }
    const common = Math.min(now.length, was.length);
    for (let k = 0; k < common; k++) if (now[k] !== was[k]) return end;
    now = now.subarray(common);
    was = was.subarray(common);
  }
}

function decode(tokenizer: Seam['tokenizer'], ids: Int32Array): string {
  return tokenizer.decode(ids, { skipSpecialTokens: false });
}
