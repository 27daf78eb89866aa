/** Code points as the byte sequences of their UTF-8 form. */
import type { CodePointRange, CodePointSet } from './code-points.js';

/** One range of bytes per position. */
export type ByteSequence = readonly (readonly [low: number, high: number])[];

/** Last code points of one, two, three and four bytes. */
const LAST_OF_LENGTH = [0x7f, 0x7ff, 0xffff, 0x10ffff];

export function utf8Ranges(set: CodePointSet): ByteSequence[] {
  return set.flatMap(splitByLength).flatMap(([first, last]) => split(encode(first), encode(last)));
}

export function encode(point: number): number[] {
  if (point <= 0x7f) return [point];
  if (point <= 0x7ff) return [0xc0 | (point >> 6), 0x80 | (point & 0x3f)];
  const tail = [0x80 | ((point >> 6) & 0x3f), 0x80 | (point & 0x3f)];
  if (point <= 0xffff) return [0xe0 | (point >> 12), ...tail];
  return [0xf0 | (point >> 18), 0x80 | ((point >> 12) & 0x3f), ...tail];
}

function splitByLength([first, last]: CodePointRange): CodePointRange[] {
  const parts: CodePointRange[] = [];
  let from = first;
  for (const end of LAST_OF_LENGTH) {
    if (from > end) continue;
    if (from > last) break;
    parts.push([from, Math.min(last, end)]);
    from = end + 1;
  }
  return parts;
}

/** Both of one length, `low` not after `high`. */
function split(low: readonly number[], high: readonly number[]): ByteSequence[] {
  const [a, b] = [low[0]!, high[0]!];
  if (low.length === 1) return [[[a, b]]];
  const rest = low.length - 1;
  const [lows, highs] = [low.slice(1), high.slice(1)];
  const [least, most] = [Array<number>(rest).fill(0x80), Array<number>(rest).fill(0xbf)];
  const under = (byte: number, from: readonly number[], to: readonly number[]): ByteSequence[] =>
    split(from, to).map((tail): ByteSequence => [[byte, byte], ...tail]);
  if (a === b) return under(a, lows, highs);
  const isWhole = (bytes: readonly number[], bound: number): boolean => bytes.every((byte) => byte === bound);
  const from = isWhole(lows, 0x80) ? a : a + 1;
  const to = isWhole(highs, 0xbf) ? b : b - 1;
  const middle: ByteSequence[] = from <= to ? [[[from, to], ...least.map((byte, i): readonly [number, number] => [byte, most[i]!])]] : [];
  return [...(from > a ? under(a, lows, most) : []), ...middle, ...(to < b ? under(b, least, highs) : [])];
}
