/** The audit log on real files: what is written, what verify finds, and what happens to it when processes and disks fail. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AuditLog } from '../../../src/adapters/audit/audit-log.js';
import { listRecords } from '../../../src/adapters/audit/list-records.js';
import { RefusedKeys } from '../../../src/adapters/audit/refused-keys.js';
import { type AuditRecord, readLine, seal } from '../../../src/adapters/audit/sealed-line.js';
import { verifyLog } from '../../../src/adapters/audit/verify-log.js';
import type { AuditEvent } from '../../../src/adapters/audit/audit-event.js';
import { until } from '../../support/daemon.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'semantic-'));
  path = join(folder, 'state', 'audit.log');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const event = (target: string, changed: Partial<AuditEvent> = {}): AuditEvent => ({
  actor: 'key:laptop',
  action: 'agent.delete',
  target,
  outcome: 'ok',
  request: 'req_1',
  ...changed,
});

interface Opened {
  readonly log: AuditLog;
  readonly refused: unknown[];
}

function open(options: { readonly maxBytes?: number } = {}): Opened {
  const refused: unknown[] = [];
  return { refused, log: new AuditLog({ path, maxBytes: 1 << 20, retryMs: 20, onRefused: (error) => refused.push(error), ...options }) };
}

/** A log of so many events, that nobody has open any more. */
async function written(count: number, options: { readonly maxBytes?: number } = {}): Promise<string[]> {
  const { log } = open(options);
  for (let n = 1; n <= count; n++) await log.record(event(`agent-${n}`));
  await log.close();
  return lines();
}

const lines = (): string[] => readFileSync(path, 'utf8').split('\n').slice(0, -1);
const rewrite = (all: readonly string[]): void => writeFileSync(path, all.map((line) => `${line}\n`).join(''));
const records = async (): Promise<readonly AuditRecord[]> => (await listRecords(path, { since: 0, limit: 10_000 })).records;
const broken = (where: RegExp | string) => expect.objectContaining({ code: 'AuditBroken', message: expect.stringMatching(where) });
const failure = (holds: string | null = null): Promise<unknown> => verifyLog(path, holds).catch((error: unknown) => error);

describe('a log', () => {
  test('has one line for each event, each behind the hash of the one before, and only its owner can read it', async () => {
    const [first, second] = (await written(2)).map((line) => readLine(line)!);
    expect(first).toEqual({
      seq: 1,
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      actor: 'key:laptop',
      action: 'agent.delete',
      target: 'agent-1',
      outcome: 'ok',
      request: 'req_1',
      previous: '0'.repeat(64),
      hash: expect.stringMatching(/^[\da-f]{64}$/),
    });
    expect(second).toMatchObject({ seq: 2, target: 'agent-2', previous: first!.hash });
    for (const name of readdirSync(join(folder, 'state')))
      expect([name, statSync(join(folder, 'state', name)).mode & 0o777]).toEqual([name, 0o600]);
    expect(await verifyLog(path)).toEqual({ files: ['audit.log'], lines: 2, hash: second!.hash, torn: 0 });
  });

  test('goes on behind what is there, in the order of the calls', async () => {
    await written(2);
    const { log } = open();
    await Promise.all(Array.from({ length: 50 }, (_, n) => log.record(event(`more-${n}`))));
    await log.close();
    expect((await records()).slice(2).map(({ target }) => target)).toEqual(Array.from({ length: 50 }, (_, n) => `more-${n}`));
    expect(await verifyLog(path)).toMatchObject({ lines: 52 });
  });

  test('takes any text as a target, as one line, and cuts what is long', async () => {
    const { log } = open();
    const odd = ['"}\n{"seq":2}\n', '\u2028\ud800 \u0000', 'x'.repeat(10_000)];
    for (const target of odd) await log.record(event(target));
    expect((await records()).map(({ target }) => target)).toEqual([odd[0], odd[1], `${'x'.repeat(400)}...`]);
    expect(await verifyLog(path)).toMatchObject({ lines: 3 });
  });

  test('is cut into files that are all kept, and verified as one', async () => {
    await written(40, { maxBytes: 2_000 });
    const old = readdirSync(join(folder, 'state')).filter((name) => /\.\d+$/.test(name));
    expect(old.length).toBeGreaterThan(3);
    expect(old.slice(0, 2)).toEqual(['audit.log.000001', 'audit.log.000002']);
    const all = await records();
    expect(all.filter(({ action }) => action === 'agent.delete').map(({ target }) => target)).toEqual(
      Array.from({ length: 40 }, (_, n) => `agent-${n + 1}`),
    );
    expect(all.filter(({ action }) => action === 'log.rotated').map(({ target }) => target)).toEqual(old);
    const first = readLine(readFileSync(join(folder, 'state', 'audit.log.000002'), 'utf8').split('\n')[0]!);
    const last = readLine(
      readFileSync(join(folder, 'state', 'audit.log.000001'), 'utf8')
        .split('\n')
        .at(-2)!,
    );
    expect(first).toMatchObject({ action: 'log.rotated', previous: last!.hash });
    expect(await verifyLog(path)).toMatchObject({ files: [...old, 'audit.log'], lines: all.length });
  });

  test('goes on in a new file where a process was killed between putting one aside and beginning the next', async () => {
    await written(3);
    copyFileSync(path, `${path}.000001`);
    rmSync(path);
    const [next] = await written(1);
    expect(readLine(next!)).toMatchObject({ seq: 4, target: 'agent-1' });
    expect(await verifyLog(path)).toMatchObject({ files: ['audit.log.000001', 'audit.log'], lines: 4 });
  });

  test('lists the last ones, and those since a time', async () => {
    await written(5);
    const all = await records();
    expect((await listRecords(path, { since: 0, limit: 2 })).records).toEqual(all.slice(3));
    expect((await listRecords(path, { since: Date.parse(all[4]!.time) + 1, limit: 9 })).records).toEqual([]);
    expect((await listRecords(path, { since: Date.parse(all[0]!.time), limit: 9 })).records).toEqual(all);
  });
});

describe('verify finds', () => {
  test.each([
    [
      'a line that was changed',
      (all: string[]) => all.with(2, all[2]!.replace('agent-3', 'agent-9')),
      /audit\.log, line 3: it was changed.*seq 3/,
    ],
    [
      'a line whose hash was changed',
      (all: string[]) =>
        all.with(
          2,
          all[2]!.replace(/"hash":"(.)/, (_, digit) => `"hash":"${digit === 'f' ? 'e' : 'f'}`),
        ),
      /line 3: it was changed|line 3/,
    ],
    [
      'a line that was removed',
      (all: string[]) => all.toSpliced(2, 1),
      /audit\.log, line 3: lines are missing before it.*wanted seq 3, got 4/,
    ],
    ['the first line removed', (all: string[]) => all.slice(1), /audit\.log, line 1: lines are missing.*wanted seq 1, got 2/],
    ['two lines that were exchanged', (all: string[]) => [all[0]!, all[2]!, all[1]!, ...all.slice(3)], /line 2: .*wanted seq 2, got 3/],
    ['a line that is there twice', (all: string[]) => all.toSpliced(2, 0, all[1]!), /line 3: .*wanted seq 3, got 2/],
    ['lines removed at the end', (all: string[]) => all.slice(0, 3), /audit\.log: lines are missing at its end: wanted 5, got 3/],
    ['all lines removed', () => [], /lines are missing at its end: wanted 5, got 0/],
    ['text that is no line', (all: string[]) => all.with(3, 'hello'), /line 4: this is no line/],
    ['a line with a field more', (all: string[]) => all.with(3, all[3]!.replace('{', '{"x":1,')), /line 4: this is no line/],
  ])('%s', async (_name, change, message) => {
    rewrite(change(await written(5)));
    expect(await failure()).toEqual(broken(message));
  });

  test('a line that was changed and sealed anew', async () => {
    const all = await written(5);
    const third = seal({ ...event('agent-9'), at: 0 }, readLine(all[1]!)!);
    rewrite(all.with(2, third.text.trimEnd()));
    expect(await failure()).toEqual(broken(/line 4: it was not written behind the line before it/));
  });

  test('a log that was written anew as a whole: by its head, or by a hash that somebody kept', async () => {
    const all = await written(3);
    let last = { seq: 0, hash: '0'.repeat(64) };
    const forged = all.map((_, n) => {
      const line = seal({ ...event(`forged-${n}`), at: 0 }, last);
      last = line;
      return line.text.trimEnd();
    });
    rewrite(forged);
    expect(await failure()).toEqual(broken(/audit\.log, line 3: it is not the one that was written/));
    writeFileSync(`${path}.head`, `${String(last.seq).padStart(16, '0')} ${last.hash}\n`);
    expect(await failure()).toMatchObject({ lines: 3 }); // who can write everything can do that
    expect(await failure(readLine(all[1]!)!.hash)).toEqual(broken(/no line has the hash/));
    expect(await failure(readLine(forged[1]!)!.hash)).toMatchObject({ lines: 3 });
  });

  test('a file of several that is missing, the head that is missing, and a log that is missing', async () => {
    await written(20, { maxBytes: 2_000 });
    rmSync(`${path}.000002`);
    expect(await failure()).toEqual(broken(/audit\.log\.000003, line 1: lines are missing/));
    rmSync(`${path}.000001`);
    expect(await failure()).toEqual(broken(/audit\.log\.000003, line 1: lines are missing/));
    for (const name of readdirSync(join(folder, 'state'))) if (!name.endsWith('.head')) rmSync(join(folder, 'state', name));
    expect(await failure()).toEqual(broken(/lines are missing at its end/));
    rmSync(`${path}.head`);
    expect(await failure()).toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining(path) });
    await written(1);
    rmSync(`${path}.head`);
    expect(await failure()).toEqual(broken(/says which line is the last is gone/));
  });

  test('and goes on finding it after more was written', async () => {
    rewrite((await written(5)).slice(0, 3));
    await written(2);
    expect((await records()).map(({ action, detail }) => [action, detail?.['what']])).toContainEqual([
      'log.damaged',
      'lines were missing at the end',
    ]);
    expect(await failure()).toEqual(broken(/line 4: lines are missing before it or were moved: wanted seq 4, got 6/));
  });

  test('nothing wrong in what it cannot know: but that a head was gone, or a last line was no line, is in the log', async () => {
    await written(2);
    rmSync(`${path}.head`);
    await written(1);
    expect((await records()).map(({ action }) => action)).toEqual(['agent.delete', 'agent.delete', 'log.damaged', 'agent.delete']);
    expect(await verifyLog(path)).toMatchObject({ lines: 4 });
    appendFileSync(path, 'hello\n');
    await written(1);
    expect((await records()).at(-2)).toMatchObject({ action: 'log.damaged', seq: 5 });
    expect(await failure()).toEqual(broken(/line 5: this is no line/));
  });
});

describe('a process that is killed', () => {
  test.each([1, 100, -1])('leaves %d bytes of a line: verify says so, and the next line has them', async (bytes) => {
    await written(2);
    const next = seal({ ...event('torn'), at: 0 }, readLine(lines()[1]!)!).text.slice(0, bytes);
    appendFileSync(path, next);
    expect(await verifyLog(path)).toMatchObject({ lines: 2, torn: next.length });
    await written(1);
    const [, , recovered, after] = await records();
    expect(recovered).toMatchObject({ action: 'log.recovered', actor: 'audit', seq: 3, detail: { bytes: next.length, text: next } });
    expect(after).toMatchObject({ seq: 4, target: 'agent-1' });
    expect(await verifyLog(path)).toMatchObject({ lines: 4, torn: 0 });
    expect(existsSync(`${path}.torn`)).toBe(false);
  });

  test('is no excuse for a line that is cut after it was written', async () => {
    await written(3);
    truncateSync(path, statSync(path).size - 10);
    expect(await failure()).toEqual(broken(/lines are missing at its end: wanted 3, got 2/));
  });

  test('after cutting it off and before writing it down: it is written down all the same', async () => {
    await written(2);
    writeFileSync(`${path}.torn`, '{"seq":3,"ti');
    await written(1);
    expect((await records())[2]).toMatchObject({ action: 'log.recovered', detail: { text: '{"seq":3,"ti' } });
  });

  test('in the middle of its work loses nothing that it was told is recorded, and holds no lock', async () => {
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [WRITER, path, '10000', `round:${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
      let out = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        out += text;
        if (out.split('\n').length > 20 + 7 * round) child.kill('SIGKILL');
      });
      await once(child, 'close');
      const told = out.split('\n').slice(0, -1).length;
      await written(1);
      const all = await records();
      const recorded = all.filter(({ actor }) => actor === `round:${round}`).map(({ target }) => Number(target));
      expect(recorded.length).toBeGreaterThanOrEqual(told);
      expect(recorded).toEqual(recorded.map((_, n) => n));
      expect(await verifyLog(path)).toMatchObject({ lines: all.length, torn: 0 });
    }
  });
});

const WRITER = fileURLToPath(new URL('writer.js', import.meta.url));

test('processes that write at once make one chain, also where files are put aside meanwhile', async () => {
  const writers = ['a', 'b', 'c'].map(async (name) => {
    const child = spawn(process.execPath, [WRITER, path, '60', name], { stdio: ['ignore', 'ignore', 'inherit'] });
    expect(await once(child, 'close')).toEqual([0, null]);
  });
  await Promise.all(writers);
  const all = await records();
  for (const name of ['a', 'b', 'c'])
    expect(all.filter(({ actor }) => actor === name).map(({ target }) => target)).toEqual(Array.from({ length: 60 }, (_, n) => String(n)));
  const verified = await verifyLog(path);
  expect(verified.lines).toBe(all.length);
  expect(verified.files.length).toBeGreaterThan(1);
});

describe('a log that cannot be written', () => {
  /** What a full disk says to every write (Linux). */
  const hasFull = existsSync('/dev/full');

  test.skipIf(!hasFull)('keeps what comes in memory, is told once, and says so in the log when it can be written', async () => {
    await written(1);
    const kept = readFileSync(path);
    rmSync(path);
    symlinkSync('/dev/full', path);
    const { log, refused } = open();
    await log.record(event('during-1'));
    await log.record(event('during-2'));
    expect(log.status()).toEqual({ state: 'suspended', reason: expect.stringContaining('ENOSPC'), held: 2, lost: 0 });
    rmSync(path);
    writeFileSync(path, kept, { mode: 0o600 });
    await until(
      () => log.status(),
      ({ state }) => state === 'ready',
    );
    await log.record(event('after'));
    await log.close();
    expect(refused).toEqual([expect.objectContaining({ code: 'ENOSPC' })]);
    const all = await records();
    expect(all.map(({ action, target }) => [action, target])).toEqual([
      ['agent.delete', 'agent-1'],
      ['log.gap', null],
      ['agent.delete', 'during-1'],
      ['agent.delete', 'during-2'],
      ['agent.delete', 'after'],
    ]);
    const gap = all[1]!.detail!;
    expect(gap).toMatchObject({ late: 2, lost: 0, reason: expect.stringContaining('ENOSPC') });
    expect(Date.parse(all[2]!.time)).toBeLessThanOrEqual(Date.parse(all[1]!.time)); // when it happened, not when it was written
    expect(await verifyLog(path)).toMatchObject({ lines: 5 });
  });

  test('counts what it has no room for', async () => {
    writeFileSync(join(folder, 'state'), 'a file where the folder should be');
    const { log, refused } = open();
    for (let n = 0; n < 1_005; n++) await log.record(event(`agent-${n}`));
    expect(log.status()).toMatchObject({ state: 'suspended', held: 1_000, lost: 5 });
    expect(refused).toHaveLength(1);
    rmSync(join(folder, 'state'));
    await until(
      () => log.status(),
      ({ state }) => state === 'ready',
    );
    const all = await records();
    expect(all).toHaveLength(1_001);
    expect(all[0]).toMatchObject({ action: 'log.gap', detail: { late: 1_000, lost: 5 } });
    await log.close();
  });

  test('closes all the same', async () => {
    writeFileSync(join(folder, 'state'), 'a file where the folder should be');
    const { log } = open();
    await log.record(event('agent-1'));
    await log.close();
    expect(log.status()).toMatchObject({ held: 1 });
  });

  test('for a lock file that somebody wrote into is one no more', async () => {
    mkdirSync(join(folder, 'state'));
    writeFileSync(`${path}.lock`, 'not a database at all '.repeat(100));
    await written(1);
    expect(await verifyLog(path)).toMatchObject({ lines: 1 });
  });
});

describe('wrong keys', () => {
  const told: AuditEvent[] = [];
  beforeEach(() => void told.splice(0));
  const wrong = (keys: RefusedKeys, actor: string): void => keys.note({ actor, target: 'POST /v1/chat/completions', request: 'req_1' });

  test('are recorded at once, and a flood of them as one line a minute', () => {
    const keys = new RefusedKeys((one) => told.push(one));
    for (let n = 0; n < 1_000; n++) wrong(keys, 'remote:10.0.0.9');
    expect(told).toEqual([
      {
        actor: 'remote:10.0.0.9',
        action: 'key.refused',
        target: 'POST /v1/chat/completions',
        outcome: 'Unauthenticated',
        request: 'req_1',
        detail: { count: 1 },
      },
    ]);
    keys.tell();
    expect(told.at(-1)).toMatchObject({ request: null, detail: { count: 999 } });
    for (let n = 0; n < 5; n++) wrong(keys, 'remote:10.0.0.9');
    keys.tell();
    keys.tell();
    wrong(keys, 'remote:10.0.0.9');
    expect(told.map(({ detail }) => detail!['count'])).toEqual([1, 999, 5, 1]);
    keys.close();
  });

  test('from many addresses are counted together, and what was counted is told at the end', () => {
    const keys = new RefusedKeys((one) => told.push(one));
    for (let round = 0; round < 3; round++) for (let n = 0; n < 200; n++) wrong(keys, `remote:10.0.0.${n}`);
    expect(told).toHaveLength(17);
    keys.close();
    expect(told).toHaveLength(34);
    expect(told.reduce((sum, { detail }) => sum + Number(detail!['count']), 0)).toBe(600);
    expect(told.at(-1)).toMatchObject({ actor: 'others' });
  });

  test('are told by themselves when the time is over', async () => {
    const keys = new RefusedKeys((one) => told.push(one), 10);
    for (let n = 0; n < 3; n++) wrong(keys, 'loopback');
    await until(
      () => told.length,
      (count) => count === 2,
    );
    expect(told[1]).toMatchObject({ detail: { count: 2 } });
    keys.close();
  });
});
