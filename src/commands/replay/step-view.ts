/** Which step is shown, from which line on, and what keys make of it. */
import type { Key as InkKey } from 'ink';

export interface StepView {
  /** Index of the step. */
  readonly at: number;
  /** Lines of it that are above the screen. */
  readonly scroll: number;
}

export const FIRST_STEP: StepView = { at: 0, scroll: 0 };

type Move = (view: StepView, size: { readonly steps: number; readonly lines: number; readonly page: number }) => StepView;

const step =
  (by: number): Move =>
  ({ at, scroll }, { steps }) => {
    const next = Math.max(0, Math.min(steps - 1, at + by));
    return next === at ? { at, scroll } : { at: next, scroll: 0 };
  };
const scroll =
  (by: (page: number) => number): Move =>
  (view, { lines, page }) => ({ ...view, scroll: Math.max(0, Math.min(lines - page, view.scroll + by(page))) });

const SPECIAL: readonly (readonly [keyof InkKey, Move])[] = [
  ['rightArrow', step(1)],
  ['return', step(1)],
  ['leftArrow', step(-1)],
  ['backspace', step(-1)],
  ['home', step(-Infinity)],
  ['end', step(Infinity)],
  ['upArrow', scroll(() => -1)],
  ['downArrow', scroll(() => 1)],
  ['pageUp', scroll((page) => -page)],
  ['pageDown', scroll((page) => page)],
];
const LETTERS: Readonly<Record<string, Move>> = { n: step(1), p: step(-1), ' ': step(1) };

/** Null = leave. Several letters may come at once, typed before one was read. */
export function pressed(view: StepView, input: string, key: InkKey, size: Parameters<Move>[1]): StepView | null {
  if (key.escape || (key.ctrl && input === 'c')) return null;
  const special = SPECIAL.find(([name]) => key[name]);
  if (special !== undefined) return special[1](view, size);
  let next = view;
  for (const letter of input) {
    if (letter === 'q') return null;
    next = LETTERS[letter]?.(next, size) ?? next;
  }
  return next;
}
