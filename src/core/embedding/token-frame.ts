import type { Tokenizer } from '../ports.js';

/** What a tokenizer puts before and after a text: BERT's [CLS] and [SEP]. */
export interface TokenFrame {
  readonly before: Int32Array;
  readonly after: Int32Array;
}

export function frameOf(tokenizer: Tokenizer): TokenFrame {
  const framed = tokenizer.encode(PROBE, { addSpecialTokens: true });
  const bare = tokenizer.encode(PROBE, { addSpecialTokens: false });
  let at = 0;
  while (bare.some((id, i) => framed[at + i] !== id)) at += 1;
  return { before: framed.slice(0, at), after: framed.slice(at + bare.length) };
}

const PROBE = 'a';

/** Cut to `most` tokens as the reference does it: the text gives way, the frame stays. */
export function cutFramed(ids: Int32Array, { after }: TokenFrame, most: number): Int32Array {
  if (ids.length <= most) return ids;
  const cut = ids.slice(0, most);
  cut.set(after, most - after.length);
  return cut;
}
