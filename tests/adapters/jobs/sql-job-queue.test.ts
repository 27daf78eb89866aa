import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { SqlJobQueue, type SqlJobQueueOptions } from '../../../src/adapters/jobs/sql-job-queue.js';
import { describeJobQueue, FIRST_BACKOFF_MS, jobRequest, KEEP_MS, LEASE_MS, MOST_WAITING, START } from '../../contracts/job-queue.js';
import { rejection } from '../../rejection.js';

const root = mkdtempSync(join(tmpdir(), 'semantic-jobs-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let folders = 0;
const newFile = (): string => join(root, `${folders++}`, 'queue.db');

function options(file: string | null, changed: Partial<SqlJobQueueOptions> = {}): SqlJobQueueOptions {
  return {
    file,
    limits: { maxOpen: MOST_WAITING, maxBytes: 2 ** 30, keepMs: KEEP_MS, backoff: { firstMs: FIRST_BACKOFF_MS, mostMs: 60_000 } },
    clock: { now: () => START },
    ownWorker: 'daemon',
    leaseMs: LEASE_MS,
    onPutAside: () => undefined,
    ...changed,
  };
}

for (const [name, file] of [
  ['the queue on a file', newFile],
  ['the queue in memory', () => null],
] as const)
  describeJobQueue(name, async () => {
    let now = START;
    const queue = await SqlJobQueue.open(options(file(), { clock: { now: () => now } }));
    return { queue, advance: (ms) => void (now += ms), clean: () => queue.close() };
  });

describe('the queue on a file', () => {
  let file: string;
  beforeEach(() => void (file = newFile()));
  const leased = { worker: 'w', scope: null, count: 9, leaseMs: LEASE_MS };

  it('is as it was when it is opened again: what the daemon ran itself is queued, other leases have their time again', async () => {
    const first = await SqlJobQueue.open(options(file));
    await first.submit([jobRequest(), jobRequest({ body: '{"n":2}' }), jobRequest({ maxAttempts: 1 })]);
    const [outside] = await first.lease({ ...leased, count: 1 });
    const [own, last] = await first.lease({ ...leased, worker: 'daemon', count: 2 });
    await first.close();
    const later = START + LEASE_MS * 3;
    const again = await SqlJobQueue.open(options(file, { clock: { now: () => later } }));
    expect(await again.get(null, outside!.id)).toMatchObject({ state: 'running', leaseUntil: later + LEASE_MS });
    expect(await again.get(null, own!.id)).toMatchObject({ state: 'queued', attempts: 1, body: '{"n":2}' });
    expect(await again.get(null, last!.id)).toMatchObject({ state: 'dead', error: { code: 'lease_lost' } });
    expect(await again.complete(outside!, { status: 200, body: '1' }, null)).toMatchObject({ state: 'succeeded' });
    await again.close();
  });

  it('is one process, and one queue of it, at a time; and nobody else may read it', async () => {
    const queue = await SqlJobQueue.open(options(file));
    const refused = await rejection(SqlJobQueue.open(options(file)));
    expect([refused.code, refused.message]).toEqual(['JobsUnavailable', expect.stringContaining('another process has the queue')]);
    const script = fileURLToPath(new URL('open-queue.js', import.meta.url));
    const child = spawn(process.execPath, [script, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let out = '';
    child.stdout.on('data', (data: Buffer) => (out += data.toString()));
    await once(child, 'close');
    expect(out).toBe('JobsUnavailable');
    for (const name of readdirSync(join(file, '..'))) expect([name, statSync(join(file, '..', name)).mode & 0o77]).toEqual([name, 0]);
    await queue.close();
    await (await SqlJobQueue.open(options(file))).close();
  });

  it('loses nothing that was said, and doubles nothing, when its process is killed', async () => {
    const script = fileURLToPath(new URL('open-queue.js', import.meta.url));
    const said = { submitted: new Set<string>(), succeeded: new Set<string>() };
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [script, file, 'work'], { stdio: ['ignore', 'pipe', 'inherit'] });
      const closed = once(child, 'close');
      let lines = 0;
      let rest = '';
      child.stdout.on('data', (data: Buffer) => {
        const parts = (rest + data.toString()).split('\n');
        rest = parts.pop()!;
        for (const part of parts) {
          const [verb, id] = part.split(' ') as ['submitted' | 'succeeded', string];
          said[verb].add(id);
          if (++lines === 40 + 31 * round) child.kill('SIGKILL');
        }
      });
      await closed;
    }
    const queue = await SqlJobQueue.open(options(file));
    const final = await queue.read('slm.responses', 0, 100_000);
    expect(said.succeeded.size).toBeGreaterThan(30);
    for (const id of said.submitted) expect((await queue.get(null, id)).id).toBe(id);
    for (const id of said.succeeded)
      expect(await queue.get(null, id)).toMatchObject({ state: 'succeeded', result: { body: JSON.stringify(id) } });
    expect(new Set(final.map(({ job }) => job)).size).toBe(final.length);
    await queue.close();
  }, 300_000);

  it('is put aside where it is damaged, and begun anew', async () => {
    const queue = await SqlJobQueue.open(options(file));
    await queue.submit([jobRequest()]);
    await queue.close();
    writeFileSync(file, 'this is no database, and is longer than a header of one hundred bytes would be: '.repeat(40));
    let aside = '';
    const fresh = await SqlJobQueue.open(options(file, { onPutAside: (path) => (aside = path) }));
    expect(existsSync(aside)).toBe(true);
    expect(await fresh.tally(null, null)).toMatchObject({ queued: 0 });
    await fresh.submit([jobRequest()]);
    await fresh.close();
  });

  it('makes room for what comes from what is over, and refuses what does not fit', async () => {
    const limits = { ...options(null).limits, maxBytes: 400_000, maxOpen: 1_000 };
    const queue = await SqlJobQueue.open(options(file, { limits }));
    const body = JSON.stringify('x'.repeat(20_000));
    const fill = async (): Promise<number> => {
      for (let count = 0; ; count++) {
        const failed = await queue.submit([jobRequest({ body })]).then(
          () => null,
          (error: { code: string }) => error.code,
        );
        if (failed !== null) {
          expect(failed).toBe('Overloaded');
          return count;
        }
      }
    };
    const many = await fill();
    expect(many).toBeGreaterThan(5);
    const jobs = await queue.lease({ ...leased, count: 5 });
    for (const job of jobs) await queue.complete(job, { status: 200, body: '1' }, null);
    await queue.sweep();
    expect(await queue.tally(null, null)).toMatchObject({ succeeded: 0, queued: many - 5 });
    expect(await fill()).toBeGreaterThan(0);
    await queue.close();
  });

  it('cannot be opened where its folder cannot be made', async () => {
    writeFileSync(join(root, 'taken'), '');
    expect((await rejection(SqlJobQueue.open(options(join(root, 'taken', 'jobs', 'queue.db'))))).code).toBe('JobsUnavailable');
  });
});
