import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { IS_LONG } from '../form.js';
import type { RowTally } from '../report/record-row.js';
import { NO_SHIM } from '../shim/build-shim.js';
import { type Base, makeBase } from './base.js';
import { clockRow, errnoRow, newerFormatRow, readOnlyRow, twoDaemonsRow, unreadableRow } from './condition-rows.js';
import { corruptionRow } from './corruption-row.js';
import { fullDiskRow, whyNoMount } from './full-disk-row.js';
import { killRow } from './kill-row.js';

const HOUR_MS = 3_600_000;

describe.runIf(NO_SHIM === null)('a daemon', () => {
  let base: Base;
  beforeAll(async () => (base = await makeBase()), HOUR_MS);
  afterAll(() => base.home.remove());

  /** Every case passes, and not one token is wrong. */
  async function expectRow(row: (base: Base) => Promise<RowTally>): Promise<void> {
    const tally = await row(base);
    const { cases, passed, wrong } = tally.record();
    expect(tally.failures).toEqual([]);
    expect({ passed, wrong }).toEqual({ passed: cases, wrong: 0 });
    expect(cases).toBeGreaterThan(0);
  }

  it(
    'killed while it stores what was said restores what was committed, and says what an uncached one says',
    () => expectRow(killRow),
    HOUR_MS,
  );
  it('whose store was damaged while it was away says what an uncached one says', () => expectRow(corruptionRow), HOUR_MS);
  it('whose disk refuses serves, says so, writes again when it is well, and has it all after kill -9', () => expectRow(errnoRow), HOUR_MS);

  describe.runIf(IS_LONG)('in the long form', () => {
    it('whose directory is read-only serves, says so, and takes it when it can be written', () => expectRow(readOnlyRow), HOUR_MS);
    it('that cannot read its extents prefills what it cannot read', () => expectRow(unreadableRow), HOUR_MS);
    it('whose clock jumps restores what it has and keeps writing', () => expectRow(clockRow), HOUR_MS);
    it(
      'beside another on one directory serves without it, and takes it over when the other is gone',
      () => expectRow(twoDaemonsRow),
      HOUR_MS,
    );
    it('on a directory of a newer format serves without it and leaves it as it is', () => expectRow(newerFormatRow), HOUR_MS);
    it.runIf(IS_LONG && whyNoMount() === null)('on a disk that is really full serves, and says so', () => expectRow(fullDiskRow), HOUR_MS);
  });
});
