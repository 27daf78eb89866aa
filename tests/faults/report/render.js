/**
 * `node tests/faults/report/render.js COMMAND...`: takes the rows that the last run left, keeps them as the record, and writes them into
 * docs/reliability.md. Without arguments it renders the record that is there.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROWS } from './rows.js';

/**
 * @typedef {{ readonly cases: number, readonly passed: number, readonly wrong: number, readonly restored: readonly [number, number] }} RowResult
 * @typedef {{ readonly command: string, readonly date: string, readonly rows: Readonly<Record<string, RowResult>> }} FaultRecord
 */

const inRepository = (/** @type {string} */ path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
export const PAGE = inRepository('docs/reliability.md');
export const RECORD = fileURLToPath(new URL('recorded.json', import.meta.url));
const RESULTS = inRepository('native/build/faults/results');
const [BEGIN, END] = ['<!-- fault table -->', '<!-- end of fault table -->'];

/** @param {FaultRecord} record */
export function renderTable({ command, date, rows }) {
  const lines = Object.entries(ROWS).map(([id, { level, fault, injected }]) => {
    const row = rows[id];
    const figures =
      row === undefined ? ['not run', '', ''] : [`${row.passed} of ${row.cases}`, String(row.wrong), restoredText(row.restored)];
    return `| ${[level, fault, injected, ...figures].join(' | ')} |`;
  });
  return [
    `Recorded on ${date} by \`${command}\`:`,
    '',
    '| level | fault | injected by | cases passed | wrong | restored |',
    '|---|---|---|--:|--:|--:|',
    ...lines,
  ].join('\n');
}

/** @param {readonly [number, number]} restored */
function restoredText([got, committed]) {
  return committed === 0 ? '' : `${((100 * got) / committed).toFixed(got === committed ? 0 : 1)} %`;
}

/** @param {string} page @param {FaultRecord} record */
export function withTable(page, record) {
  const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`the page lacks ${BEGIN} or ${END}`);
  return `${page.slice(0, start + BEGIN.length)}\n${renderTable(record)}\n${page.slice(end)}`;
}

/** @param {string} command @returns {FaultRecord} */
function takeRecord(command) {
  const files = Object.keys(ROWS).map((id) => [id, join(RESULTS, `${id}.json`)]);
  const rows = files.filter(([, file = '']) => existsSync(file)).map(([id, file = '']) => [id, JSON.parse(readFileSync(file, 'utf8'))]);
  return { command, date: new Date().toISOString().slice(0, 10), rows: Object.fromEntries(rows) };
}

/** As the formatter has it: pairs on one line. @param {FaultRecord} record */
function textOf(record) {
  return JSON.stringify(record, null, 2).replaceAll(/\[\s+(\d+),\s+(\d+)\s+\]/g, '[$1, $2]');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const command = process.argv.slice(2).join(' ');
  if (command !== '') writeFileSync(RECORD, `${textOf(takeRecord(command))}\n`);
  const record = JSON.parse(readFileSync(RECORD, 'utf8'));
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), record));
}
