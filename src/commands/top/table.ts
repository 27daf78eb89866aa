/** Rows as lines: the most important columns first get the room there is. */
import { duration, milliseconds, rate } from './figures.js';
import { clip, line, type Line, type Look } from './line.js';
import type { Row, Sort } from './rows.js';

interface Column {
  readonly head: string;
  /** 0 = the last to be left out. */
  readonly rank: number;
  readonly sort?: Sort;
  readonly isText?: boolean;
  cell(row: Row): string;
}

/** In the order they stand in; after the name. */
const COLUMNS: readonly Column[] = [
  { head: 'STATE', rank: 0, isText: true, cell: ({ state }) => state },
  { head: 'CLASS', rank: 8, isText: true, cell: ({ sequence }) => sequence?.class ?? '-' },
  { head: 'KEY', rank: 9, isText: true, cell: ({ sequence }) => sequence?.key ?? '-' },
  { head: 'TOK/S', rank: 1, sort: 'rate', cell: (row) => (row.tokensPerSecond === 0 ? '-' : rate(row.tokensPerSecond)) },
  { head: 'KV', rank: 2, sort: 'kv', cell: ({ kvTokens }) => `${kvTokens}` },
  { head: 'PROMPT', rank: 6, cell: ({ sequence }) => (sequence === null ? '-' : `${sequence.prompt_tokens}`) },
  { head: 'CACHED', rank: 7, cell: ({ sequence }) => (sequence === null ? '-' : `${sequence.cached_tokens}`) },
  { head: 'OUTPUT', rank: 4, cell: ({ sequence }) => (sequence === null ? '-' : `${sequence.output_tokens}/${sequence.max_tokens}`) },
  { head: 'TTFT', rank: 5, cell: ({ sequence }) => milliseconds(sequence?.ttft_ms ?? null) },
  { head: 'AGE', rank: 3, sort: 'age', cell: ({ age }) => duration(age) },
];

const NAME = { head: 'AGENT', least: 8, most: 40 }; // columns of the screen
const MARK = 2;
const GAP = 2;

/** `chosen`: index of the row that is marked. The head comes first. */
export function drawTable(
  rows: readonly Row[],
  order: { readonly sort: Sort; readonly reversed: boolean },
  chosen: number,
  columns: number,
): Line[] {
  const widest = Math.min(NAME.most, Math.max(NAME.head.length, ...rows.map(({ name }) => name.length)));
  const shown = chooseColumns(rows, order, columns - MARK - Math.min(widest, NAME.least));
  const others = shown.reduce((sum, { width }) => sum + GAP + width, 0);
  const nameWidth = Math.max(1, Math.min(widest, columns - MARK - others));
  const put = (mark: string, name: string, cells: readonly string[]): string =>
    clip(
      [
        mark.padEnd(MARK) + clip(name, nameWidth).padEnd(nameWidth),
        ...shown.map(({ width, column }, i) => (column.isText === true ? cells[i]!.padEnd(width) : cells[i]!.padStart(width))),
      ].join(' '.repeat(GAP)),
      columns,
    );
  const head = put(
    '',
    marked({ head: NAME.head, sort: 'name' }, order),
    shown.map(({ head: text }) => text),
  );
  return [
    line(head, 'head'),
    ...rows.map((row, i) =>
      line(
        put(
          i === chosen ? '>' : '',
          row.name,
          shown.map(({ column }) => column.cell(row)),
        ),
        i === chosen ? 'chosen' : LOOKS[row.state],
      ),
    ),
  ];
}

interface ShownColumn {
  readonly column: Column;
  readonly head: string;
  readonly width: number;
}

function chooseColumns(rows: readonly Row[], order: { readonly sort: Sort; readonly reversed: boolean }, room: number): ShownColumn[] {
  let left = room;
  const chosen = COLUMNS.toSorted((a, b) => a.rank - b.rank).flatMap((column) => {
    const head = marked(column, order);
    const width = Math.max(head.length, ...rows.map((row) => column.cell(row).length));
    left -= GAP + width;
    return left < 0 ? [] : [{ column, head, width }];
  });
  return COLUMNS.flatMap((column) => chosen.filter((one) => one.column === column));
}

/** The column that rows are sorted by says so. */
function marked(
  { head, sort }: { readonly head: string; readonly sort?: Sort },
  order: { readonly sort: Sort; readonly reversed: boolean },
): string {
  return sort === order.sort ? `${head}${order.reversed ? '^' : 'v'}` : head;
}

const LOOKS: Record<Row['state'], Look> = {
  decode: 'busy',
  prefill: 'busy',
  running: 'busy',
  starting: 'busy',
  waiting: 'waiting',
  held: 'waiting',
  preempted: 'waiting',
  idle: 'quiet',
};
