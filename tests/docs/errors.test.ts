import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ERROR_TABLE } from '../../src/core/domain/errors.js';

test('docs/errors.md lists exactly the rows of the error table', () => {
  const page = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| (\w+) \| (\d+) \| (\d+) \| (.+) \|$/gm)].map(([, code, status, exit, meaning]) => [
    code,
    { status: Number(status), exit: Number(exit), meaning },
  ]);
  expect(Object.fromEntries(rows)).toEqual(ERROR_TABLE);
});
