/** Sets of Unicode code points: ascending, disjoint, inclusive ranges without surrogates, which no UTF-8 text holds. */
export type CodePointRange = readonly [first: number, last: number];
export type CodePointSet = readonly CodePointRange[];

export const LAST_CODE_POINT = 0x10ffff;
const SURROGATES: CodePointRange = [0xd800, 0xdfff];

export const ANY_CODE_POINT: CodePointSet = [
  [0, 0xd7ff],
  [0xe000, LAST_CODE_POINT],
];

/** In any order, overlapping or not. */
export function codePointSet(ranges: readonly CodePointRange[]): CodePointSet {
  const merged: [number, number][] = [];
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last);
    else merged.push([first, last]);
  }
  return merged.flatMap(withoutSurrogates);
}

export function setOf(text: string): CodePointSet {
  return codePointSet(Array.from(text, (char) => [char.codePointAt(0)!, char.codePointAt(0)!]));
}

export function complement(set: CodePointSet): CodePointSet {
  const gaps: CodePointRange[] = [];
  let next = 0;
  for (const [first, last] of set) {
    if (first > next) gaps.push([next, first - 1]);
    next = last + 1;
  }
  if (next <= LAST_CODE_POINT) gaps.push([next, LAST_CODE_POINT]);
  return gaps.flatMap(withoutSurrogates);
}

export function intersect(a: CodePointSet, b: CodePointSet): CodePointSet {
  return complement(codePointSet([...complement(a), ...complement(b)]));
}

export function contains(set: CodePointSet, point: number): boolean {
  return set.some(([first, last]) => first <= point && point <= last);
}

function withoutSurrogates([first, last]: CodePointRange): CodePointRange[] {
  const parts: CodePointRange[] = [
    [first, Math.min(last, SURROGATES[0] - 1)],
    [Math.max(first, SURROGATES[1] + 1), last],
  ];
  return parts.filter(([from, to]) => from <= to);
}
