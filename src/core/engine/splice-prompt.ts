/**
 * The seam between what a model emitted and what its text encodes to. A client sends an answer back as text, and that may encode to
 * other ids than the ones whose KV is kept. Where the bytes of both are the same, the emitted ids stay and the prompt's follow at the
 * last place at which a token ends in both: nothing is encoded out of its context, and no character is cut that was not cut before.
 */
import { commonPrefix } from '../domain/common-prefix.js';
import type { Tokenizer } from '../ports.js';

export interface Seam {
  /** What the prompt encodes to. */
  readonly ids: Int32Array;
  /** Ids that some sequence holds. */
  readonly earlier: Int32Array;
  readonly tokenizer: Pick<Tokenizer, 'createStream' | 'tokenBytes'>;
}

/** Tokens between two pauses. */
const SLICE = 512;
/** Tokens around those that differ that are decoded with them: some decoders look at their neighbours. */
const MARGIN = 16;

/**
 * Ids of the same text that share at least as much with `earlier` as `ids` do; `ids` itself where there is nothing to gain. Pauses: a prompt
 * may be long.
 */
export function* splicePrompt({ ids, earlier, tokenizer }: Seam): Generator<void, Int32Array, void> {
  const shared = commonPrefix(ids, earlier);
  if (shared === ids.length || shared === earlier.length) return ids;
  const end = yield* commonEnd(ids, earlier, shared, (id) => tokenizer.tokenBytes(id));
  if (end.earlier === shared) return ids;
  const spliced = new Int32Array(end.earlier + ids.length - end.ids);
  spliced.set(earlier.subarray(0, end.earlier));
  spliced.set(ids.subarray(end.ids), end.earlier);
  // Not every decoder makes text of bytes alone (some put spaces between tokens): the text decides, where the ids are not the same.
  const from = Math.max(0, shared - MARGIN);
  const now = yield* decode(tokenizer, ids.subarray(from, end.ids + MARGIN));
  const then = yield* decode(tokenizer, spliced.subarray(from, end.earlier + MARGIN));
  return now === then ? spliced : ids;
}

interface CommonEnd {
  readonly ids: number;
  readonly earlier: number;
}

/** How many tokens of each list end at the last common place of the bytes that both share from `start` on. */
function* commonEnd(
  ids: Int32Array,
  earlier: Int32Array,
  start: number,
  bytesOf: (id: number) => Uint8Array,
): Generator<void, CommonEnd, void> {
  let [i, j] = [start, start];
  let end = { ids: i, earlier: j };
  // Bytes of tokens taken that the other list has not reached yet: one of the two is always empty.
  let now: Uint8Array = new Uint8Array(0);
  let was = now;
  for (let turn = 1; ; turn++) {
    if (turn % SLICE === 0) yield;
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

function* decode(tokenizer: Seam['tokenizer'], ids: Int32Array): Generator<void, string, void> {
  const stream = tokenizer.createStream({ skipSpecialTokens: false });
  const parts: string[] = [];
  for (const [i, id] of ids.entries()) {
    parts.push(stream.push(id));
    if (i % SLICE === SLICE - 1) yield;
  }
  return parts.join('') + stream.flush();
}
