import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { PAGE, RECORD, type FaultRecord, withTable } from '../faults/report/render.js';
import { ROWS } from '../faults/report/rows.js';

const page = readFileSync(PAGE, 'utf8');
const record = JSON.parse(readFileSync(RECORD, 'utf8')) as FaultRecord;

test('docs/reliability.md shows the record as it is, and every row of the fault matrix', () => {
  expect(withTable(page, record)).toBe(page);
  for (const { fault } of Object.values(ROWS)) expect(page).toContain(`| ${fault} |`);
});

test('the record has only rows that the fault matrix has, and none of them with a wrong token', () => {
  expect(Object.keys(ROWS)).toEqual(expect.arrayContaining(Object.keys(record.rows)));
  for (const { wrong, cases, passed } of Object.values(record.rows)) expect({ wrong, passed }).toEqual({ wrong: 0, passed: cases });
});
