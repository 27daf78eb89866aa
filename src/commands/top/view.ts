/** What the user looks at, and what a key makes of it. */
import { type Row, type Sort, sortRows } from './rows.js';

export interface View {
  readonly sort: Sort;
  readonly reversed: boolean;
  /** Key of the chosen row; null = the first. */
  readonly chosen: string | null;
  /** Key of the row that is open; null = the table is shown. */
  readonly opened: string | null;
  /** Lines of what is open that have gone off the top. */
  readonly scroll: number;
}

export type Key = 'up' | 'down' | 'pageUp' | 'pageDown' | 'first' | 'last' | 'enter' | 'back' | 'leave' | Sort;

export const FIRST_VIEW: View = { sort: 'rate', reversed: false, chosen: null, opened: null, scroll: 0 };

/** `page`: rows that fit. Null when the user wants to leave. */
export function press(view: View, key: Key, rows: readonly Row[], page: number): View | null {
  if (key === 'leave') return null;
  if (key in SORTS) return sortBy(view, key as Sort);
  return view.opened === null ? pressInTable(view, key, rows, page) : pressInDetail(view, key, page);
}

const SORTS: Record<Sort, true> = { rate: true, kv: true, age: true, name: true };

/** The same key again turns the order round. */
function sortBy(view: View, sort: Sort): View {
  return view.opened === null ? { ...view, sort, reversed: view.sort === sort && !view.reversed } : view;
}

function pressInTable(view: View, key: Key, rows: readonly Row[], page: number): View {
  const sorted = sortRows(rows, view.sort, view.reversed);
  const at = chosenIndex(view, sorted);
  if (key === 'enter') return sorted[at] === undefined ? view : { ...view, chosen: sorted[at].key, opened: sorted[at].key, scroll: 0 };
  const to = moved(at, key, page, sorted.length - 1);
  return to === null ? view : { ...view, chosen: sorted[to]?.key ?? null };
}

function pressInDetail(view: View, key: Key, page: number): View {
  if (key === 'back' || key === 'enter') return { ...view, opened: null, scroll: 0 };
  const to = moved(view.scroll, key, page, Number.MAX_SAFE_INTEGER);
  return to === null || key === 'last' ? view : { ...view, scroll: to };
}

/** Null for a key that does not move. */
function moved(at: number, key: Key, page: number, last: number): number | null {
  const steps: Partial<Record<Key, number>> = { up: -1, down: 1, pageUp: -page, pageDown: page, first: -at, last: last - at };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(last, at + step));
}

/** A row that is gone leaves the choice to the first. */
export function chosenIndex({ chosen }: View, sorted: readonly Row[]): number {
  return Math.max(
    0,
    sorted.findIndex(({ key }) => key === chosen),
  );
}
