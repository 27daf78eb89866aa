import { unsupported } from './json-shape.js';

/** What becomes of the text that a pattern matches, as Hugging Face `tokenizers` names it. */
export const SPLIT_BEHAVIORS = ['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const;
export type SplitBehavior = (typeof SPLIT_BEHAVIORS)[number];

export function toSplitBehavior(value: string): SplitBehavior {
  const found = SPLIT_BEHAVIORS.find((behavior) => behavior === value);
  if (found === undefined) throw unsupported(`split behavior ${JSON.stringify(value)} is not one of ${SPLIT_BEHAVIORS.join(', ')}`);
  return found;
}

interface Span {
  start: number;
  end: number;
  readonly isMatch: boolean;
}

/** Cuts `text` at the matches of `pattern` (flag g), as they are asked for; with `invert`, matches and the gaps between them swap roles. */
export function splitText(text: string, pattern: RegExp, behavior: SplitBehavior, invert: boolean): Iterable<Piece> {
  return behavior === 'Isolated' ? isolated(text, pattern) : grouped(text, pattern, behavior, invert);
}

/** Of [start, end). */
export interface Piece {
  readonly start: number;
  readonly end: number;
}

function* isolated(text: string, pattern: RegExp): Generator<Piece, void> {
  let done = 0;
  let from = 0;
  for (;;) {
    pattern.lastIndex = from; // others may have used it since
    const match = pattern.exec(text);
    if (match === null) break;
    const start = match.index;
    const end = pattern.lastIndex;
    if (start > done) yield { start: done, end: start };
    if (end > start) yield { start, end };
    from = end > start ? end : end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
    done = end;
  }
  if (done < text.length) yield { start: done, end: text.length };
}

function* grouped(text: string, pattern: RegExp, behavior: SplitBehavior, invert: boolean): Generator<Piece, void> {
  const joins = JOINS[behavior];
  let group: Span | null = null;
  let before: Span | null = null;
  for (const span of spansOf(text, pattern, invert)) {
    if (behavior === 'Removed' && span.isMatch) continue;
    if (group !== null && before !== null && joins(span, before)) group.end = span.end;
    else {
      if (group !== null && group.end > group.start) yield group;
      group = { ...span };
    }
    before = span;
  }
  if (group !== null && group.end > group.start) yield group;
}

function* spansOf(text: string, pattern: RegExp, invert: boolean): Generator<Span, void> {
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > done) yield { start: done, end: match.index, isMatch: invert };
    done = match.index + match[0].length;
    yield { start: match.index, end: done, isMatch: !invert };
  }
  if (done < text.length) yield { start: done, end: text.length, isMatch: invert };
}

/** Whether a span belongs to the group of the one before it. */
const JOINS: Readonly<Record<SplitBehavior, (span: Span, before: Span) => boolean>> = {
  Isolated: () => false,
  Removed: () => false,
  Contiguous: (span, before) => span.isMatch === before.isMatch,
  MergedWithPrevious: (span, before) => span.isMatch && !before.isMatch,
  MergedWithNext: (span, before) => before.isMatch && !span.isMatch,
};
