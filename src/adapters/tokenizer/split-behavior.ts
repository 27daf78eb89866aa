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

/** Cuts `text` at the matches of `pattern` (flag g); with `invert`, matches and the gaps between them swap roles. */
export function splitText(
  text: string,
  pattern: RegExp,
  behavior: SplitBehavior,
  invert: boolean,
  emit: (start: number, end: number) => void,
): void {
  if (behavior === 'Isolated') return splitIsolated(text, pattern, emit);
  const spans = regroup(findSpans(text, pattern, invert), behavior);
  for (const span of spans) if (span.end > span.start) emit(span.start, span.end);
}

function splitIsolated(text: string, pattern: RegExp, emit: (start: number, end: number) => void): void {
  let done = 0;
  pattern.lastIndex = 0;
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const end = pattern.lastIndex;
    if (match.index > done) emit(done, match.index);
    if (end > match.index) emit(match.index, end);
    else pattern.lastIndex = end + (text.codePointAt(end)! > 0xffff ? 2 : 1);
    done = end;
  }
  if (done < text.length) emit(done, text.length);
}

function findSpans(text: string, pattern: RegExp, invert: boolean): Span[] {
  const spans: Span[] = [];
  let done = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index > done) spans.push({ start: done, end: match.index, isMatch: invert });
    done = match.index + match[0].length;
    spans.push({ start: match.index, end: done, isMatch: !invert });
  }
  if (done < text.length) spans.push({ start: done, end: text.length, isMatch: invert });
  return spans;
}

function regroup(spans: Span[], behavior: SplitBehavior): Span[] {
  switch (behavior) {
    case 'Isolated':
      return spans;
    case 'Removed':
      return spans.filter((span) => !span.isMatch);
    case 'Contiguous':
      return joinWhere(spans, (span, before) => span.isMatch === before.isMatch);
    case 'MergedWithPrevious':
      return joinWhere(spans, (span, before) => span.isMatch && !before.isMatch);
    case 'MergedWithNext':
      return joinWhere(spans, (span, before) => before.isMatch && !span.isMatch);
  }
}

/** Joins a span to the group of the span before it where `joins` says so. */
function joinWhere(spans: readonly Span[], joins: (span: Span, before: Span) => boolean): Span[] {
  const groups: Span[] = [];
  for (const [i, span] of spans.entries()) {
    const before = spans[i - 1];
    if (before !== undefined && joins(span, before)) groups.at(-1)!.end = span.end;
    else groups.push({ ...span });
  }
  return groups;
}
