import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseSince } from '../../../src/commands/format/since.js';
import { createHome, type Ended, semantic } from '../../support/run-semantic.js';

const home = createHome();
const file = join(home.path, 'audit.log');
const audit = (...args: string[]): Promise<Ended> => semantic(['audit', ...args], { home: home.path });
afterAll(() => home.remove());

beforeAll(async () => {
  for (const args of [
    ['add', 'laptop'],
    ['add', 'ci'],
    ['add', 'ci'],
    ['rm', 'ci', '--force'],
    ['rm', 'laptop', '--dry-run'],
  ])
    await semantic(['keys', ...args], { home: home.path });
});

test('ls lists what was done, for people and as JSON, all or the last or since a time', async () => {
  const { stdout } = await audit('ls');
  const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
  expect(rows.map((row) => row.slice(1))).toEqual([
    ['WHO', 'WHAT', 'TO', 'OUTCOME'],
    [expect.stringMatching(/^command:\d+$/), 'key.add', 'laptop', 'ok'],
    [expect.any(String), 'key.add', 'ci', 'ok'],
    [expect.any(String), 'key.add', 'ci', 'KeyConflict'],
    [expect.any(String), 'key.remove', 'ci', 'ok'],
  ]);
  const last = JSON.parse((await audit('ls', '--limit', '2', '--json')).stdout) as { records: object[] };
  expect(last).toMatchObject({
    records: [
      { seq: 3, outcome: 'KeyConflict' },
      { seq: 4, action: 'key.remove' },
    ],
    unreadable: 0,
  });
  expect(JSON.parse((await audit('ls', '--since', '1h', '--json')).stdout)).toMatchObject({ records: [{ seq: 1 }, {}, {}, {}] });
  expect(JSON.parse((await audit('ls', '--since', '2126-01-01', '--json')).stdout)).toEqual({ records: [], unreadable: 0 });
  const wrong = await audit('ls', '--since', 'yesterday');
  expect([wrong.exitCode, wrong.stderr]).toEqual([2, expect.stringMatching(/got "yesterday"[^]*2h/)]);
  expect((await audit('ls', '--limit', '0')).exitCode).toBe(2);
});

test('verify shows the last hash; a line that is changed, removed or cut is named with exit code 5', async () => {
  const whole = readFileSync(file, 'utf8');
  const good = JSON.parse((await audit('verify', '--json')).stdout) as { hash: string };
  expect(good).toMatchObject({ files: ['audit.log'], lines: 4, torn: 0 });
  expect((await audit('verify', '--holds', good.hash)).stdout).toBe(
    `4 lines in 1 file, as they were written; the last one is ${good.hash}`,
  );
  writeFileSync(file, `${whole}{"seq":5,`);
  expect(await audit('verify')).toMatchObject({ exitCode: 0, stderr: expect.stringContaining('9 bytes') });
  writeFileSync(file, whole.replace('"ci"', '"cd"'));
  const changed = await audit('verify', '--json');
  expect([changed.exitCode, JSON.parse(changed.stdout)]).toEqual([
    5,
    { error: { code: 'AuditBroken', message: expect.stringContaining('audit.log, line 2'), hint: expect.any(String) } },
  ]);
  writeFileSync(file, whole.split('\n').toSpliced(1, 1).join('\n'));
  expect(await audit('verify')).toMatchObject({ exitCode: 5, stderr: expect.stringContaining('line 2') });
  writeFileSync(file, whole.replace(/.*\n$/, 'nonsense\n'));
  expect((await audit('ls')).stderr).toContain('Lines that cannot be read: 1');
  writeFileSync(file, whole);
  expect(await audit('verify', '--holds', 'f'.repeat(64))).toMatchObject({ exitCode: 5 });
});

test('the log can lie elsewhere, or be none at all', async () => {
  const own = createHome();
  const other = join(own.path, 'elsewhere', 'admin.log');
  const run = (args: string[], env: Record<string, string>): Promise<Ended> => semantic(args, { home: own.path, env });
  expect((await run(['keys', 'add', 'a'], { SEMANTIC_AUDIT_FILE: other })).exitCode).toBe(0);
  expect(JSON.parse((await run(['audit', 'verify', '--json'], { SEMANTIC_AUDIT_FILE: other })).stdout)).toMatchObject({ lines: 1 });
  rmSync(join(own.path, 'elsewhere'), { recursive: true });
  expect((await run(['keys', 'add', 'b'], { SEMANTIC_AUDIT_ENABLED: 'false' })).exitCode).toBe(0);
  expect((await run(['audit', 'verify'], {})).exitCode).toBe(2);
  own.remove();
});

test('where there is no log ls shows nothing, verify says so, and neither makes one', async () => {
  const own = createHome();
  const run = (...args: string[]): Promise<Ended> => semantic(['audit', ...args], { home: own.path });
  expect(await run('ls')).toEqual({ exitCode: 0, stdout: '', stderr: 'There is nothing.' });
  expect(await run('verify')).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('no audit log') });
  expect(readdirSync(own.path)).toEqual(['models']);
  own.remove();
});

test('parseSince() reads dates, times and how long ago', () => {
  const now = Date.parse('2026-05-05T12:00:00Z');
  expect(['90s', '30m', '2h', '7d'].map((text) => now - parseSince(text, now))).toEqual([90_000, 1_800_000, 7_200_000, 604_800_000]);
  expect(parseSince('2026-05-01T00:00:00Z', now)).toBe(Date.parse('2026-05-01T00:00:00Z'));
  for (const text of ['', '2', '-2h', '12', '2026-99-99', 'now']) expect(() => parseSince(text, now)).toThrow(/--since/);
});
