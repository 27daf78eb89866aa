/** What every adapter of JobQueue must do, whatever keeps its jobs. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobEvent } from '../../src/core/domain/job-event.js';
import type { JobRequest, LeasedJob } from '../../src/core/domain/job.js';
import type { Held, JobQueue, LeaseWanted } from '../../src/core/jobs/job-queue.js';
import { rejection } from '../rejection.js';

export const START = 1_700_000_000_000;
export const LEASE_MS = 10_000;
export const FIRST_BACKOFF_MS = 1_000;
export const KEEP_MS = 60_000;
export const MOST_WAITING = 50;

export interface QueueUnderTest {
  readonly queue: JobQueue;
  /** The clock of the queue. */
  advance(ms: number): void;
  clean(): Promise<void>;
}

export function jobRequest(changed: Partial<JobRequest> = {}): JobRequest {
  return {
    scope: 'a',
    endpoint: '/v1/chat/completions',
    body: '{"n":1}',
    class: 'batch',
    priority: 0,
    deadline: null,
    maxAttempts: 3,
    idempotencyKey: null,
    fingerprint: 'f',
    webhook: null,
    batch: null,
    customId: null,
    ...changed,
  };
}

const DONE = { status: 200, body: '{"text":"done"}' };
const LATER = { code: 'engine_failed', message: 'it broke', final: null, delayMs: 0 };

/** Its limits: LEASE_MS, FIRST_BACKOFF_MS, KEEP_MS and MOST_WAITING; time begins at START. */
export function describeJobQueue(name: string, make: () => Promise<QueueUnderTest>): void {
  describe(`${name} as a JobQueue`, () => {
    let place: QueueUnderTest;
    let queue: JobQueue;
    beforeEach(async () => {
      place = await make();
      queue = place.queue;
    });
    afterEach(() => place.clean());

    const submit = async (changed: Partial<JobRequest> = {}): Promise<string> => (await queue.submit([jobRequest(changed)]))[0]!.job.id;
    const lease = (changed: Partial<LeaseWanted> = {}): Promise<readonly LeasedJob[]> =>
      queue.lease({ worker: 'w', scope: null, count: 1, leaseMs: LEASE_MS, ...changed });
    const leaseOne = async (): Promise<LeasedJob> => (await lease())[0]!;
    const codeOf = async (work: Promise<unknown>): Promise<string> => (await rejection(work)).code;
    const stateOf = async (id: string): Promise<string> => (await queue.get(null, id)).state;

    it('gives what was submitted to one worker, and keeps its one result', async () => {
      const id = await submit();
      expect(await queue.get('a', id)).toMatchObject({ id, state: 'queued', attempts: 0, body: '{"n":1}', result: null, createdAt: START });
      const job = await leaseOne();
      expect(job).toMatchObject({ id, state: 'running', attempts: 1, worker: 'w', leaseUntil: START + LEASE_MS, body: '{"n":1}' });
      expect(await lease()).toEqual([]);
      place.advance(250);
      expect(await queue.complete(job, DONE, 200)).toMatchObject({
        state: 'succeeded',
        finishedAt: START + 250,
        engineMs: 200,
        error: null,
      });
      expect((await queue.get('a', id)).result).toEqual(DONE);
    });

    it('takes the first result, says so again to who gave it, and refuses all others', async () => {
      const id = await submit();
      const first = await leaseOne();
      place.advance(LEASE_MS);
      await queue.sweep();
      place.advance(FIRST_BACKOFF_MS);
      const second = await leaseOne();
      expect(second.id).toBe(id);
      expect(second.lease).not.toBe(first.lease);
      expect(await codeOf(queue.complete(first, { status: 200, body: '"late"' }, null))).toBe('LeaseLost');
      await queue.complete(second, DONE, null);
      expect(await queue.complete(second, { status: 200, body: '"again"' }, null)).toMatchObject({ state: 'succeeded' });
      expect((await queue.get(null, id)).result).toEqual(DONE);
      for (const late of [queue.complete(first, DONE, null), queue.fail(second, LATER), queue.renew(second, 1), queue.release(first, 0)])
        expect(await codeOf(late)).toBe('LeaseLost');
    });

    it('takes a result that comes after its lease was over, where nobody else has the job', async () => {
      await submit();
      const job = await leaseOne();
      place.advance(LEASE_MS * 2);
      expect(await queue.complete(job, DONE, null)).toMatchObject({ state: 'succeeded' });
    });

    it('keeps a lease that is renewed, and gives the job of one that is not to another worker after a while', async () => {
      await submit();
      const job = await leaseOne();
      place.advance(LEASE_MS - 1);
      expect((await queue.renew(job, LEASE_MS)).leaseUntil).toBe(START + 2 * LEASE_MS - 1);
      place.advance(LEASE_MS - 1);
      await queue.sweep();
      expect(await stateOf(job.id)).toBe('running');
      place.advance(1);
      await queue.sweep();
      expect(await queue.get(null, job.id)).toMatchObject({ state: 'queued', attempts: 1, error: { code: 'lease_lost' } });
      expect(await lease()).toEqual([]);
      place.advance(FIRST_BACKOFF_MS);
      expect(await leaseOne()).toMatchObject({ id: job.id, attempts: 2 });
    });

    it('waits longer before each attempt, and buries what came to nothing in all of them', async () => {
      const id = await submit();
      const waits: number[] = [];
      for (let attempt = 1; attempt < 3; attempt++) {
        const job = await queue.fail(await leaseOne(), LATER);
        waits.push((job.availableAt - START) / FIRST_BACKOFF_MS);
        place.advance(job.availableAt - START - waits.slice(0, -1).reduce((sum, wait) => sum + wait * FIRST_BACKOFF_MS, 0));
        waits[attempt - 1] = waits[attempt - 1]! - waits.slice(0, -1).reduce((sum, wait) => sum + wait, 0);
      }
      expect(waits[0]).toBeGreaterThanOrEqual(0.5);
      expect(waits[0]).toBeLessThanOrEqual(1);
      expect(waits[1]).toBeGreaterThanOrEqual(1);
      expect(waits[1]).toBeLessThanOrEqual(2);
      expect(await queue.fail(await leaseOne(), LATER)).toMatchObject({ id, state: 'dead', attempts: 3, error: { message: 'it broke' } });
      expect(await lease()).toEqual([]);
    });

    it('buries a job that takes its workers with it', async () => {
      const id = await submit({ maxAttempts: 2 });
      for (let attempt = 0; attempt < 2; attempt++) {
        await leaseOne();
        place.advance(LEASE_MS);
        await queue.sweep();
        place.advance(2 * FIRST_BACKOFF_MS);
      }
      expect(await queue.get(null, id)).toMatchObject({ state: 'dead', attempts: 2, error: { code: 'lease_lost' } });
    });

    it('fails at once what no attempt would change, with the answer', async () => {
      const id = await submit();
      const final = { status: 400, body: '{"error":{}}' };
      await queue.fail(await leaseOne(), { ...LATER, final });
      expect(await queue.get(null, id)).toMatchObject({ state: 'failed', attempts: 1, result: final });
    });

    it('counts no attempt of what is given back', async () => {
      const id = await submit();
      expect(await queue.release(await leaseOne(), 500)).toMatchObject({ state: 'queued', attempts: 0, availableAt: START + 500 });
      expect(await lease()).toEqual([]);
      place.advance(500);
      expect(await leaseOne()).toMatchObject({ id, attempts: 1 });
    });

    it('gives higher priorities first, then what came first, and of one scope only where one is named', async () => {
      const ids = [
        await submit(),
        await submit({ priority: 5, scope: 'b' }),
        await submit({ priority: 5 }),
        await submit({ priority: -1 }),
      ];
      expect((await lease({ count: 1, scope: 'a' })).map(({ id }) => id)).toEqual([ids[2]]);
      expect((await lease({ count: 10 })).map(({ id }) => id)).toEqual([ids[1], ids[0], ids[3]]);
    });

    it('ends what waits or runs when its deadline goes by', async () => {
      const waiting = await submit({ deadline: START + 100, priority: -1 });
      const running = await submit({ deadline: START + 100 });
      const job = await leaseOne();
      expect(job.id).toBe(running);
      expect(await queue.sweep()).toEqual({ nextAt: START + 100 });
      place.advance(100);
      expect(await lease()).toEqual([]);
      await queue.sweep();
      expect([await stateOf(waiting), await stateOf(running)]).toEqual(['expired', 'expired']);
      expect(await codeOf(queue.complete(job, DONE, null))).toBe('LeaseLost');
    });

    it('knows a request again by its key, in its scope alone, and refuses another one under it', async () => {
      const [first] = await queue.submit([jobRequest({ idempotencyKey: 'k' })]);
      const [again] = await queue.submit([jobRequest({ idempotencyKey: 'k' })]);
      expect([first!.isNew, again!.isNew, again!.job.id]).toEqual([true, false, first!.job.id]);
      expect((await queue.submit([jobRequest({ idempotencyKey: 'k', scope: 'b' })]))[0]!.isNew).toBe(true);
      const refused = queue.submit([jobRequest(), jobRequest({ idempotencyKey: 'k', fingerprint: 'other' })]);
      expect(await codeOf(refused)).toBe('JobConflict');
      expect(await queue.tally('a', null)).toMatchObject({ queued: 1 });
    });

    it('cancels what waits and what runs, and nothing that is over', async () => {
      const waiting = await submit({ priority: -1 });
      const running = await submit();
      const job = await leaseOne();
      expect(await queue.cancel('a', waiting)).toMatchObject({ state: 'cancelled', finishedAt: START });
      expect(await queue.cancel('a', running)).toMatchObject({ state: 'cancelled' });
      expect(await queue.cancel('a', running)).toMatchObject({ state: 'cancelled' });
      expect(await codeOf(queue.renew(job, LEASE_MS))).toBe('LeaseLost');
      const done = await submit();
      await queue.complete(await leaseOne(), DONE, null);
      expect(await codeOf(queue.cancel('a', done))).toBe('JobConflict');
      expect(await lease()).toEqual([]);
    });

    it('runs again what came to nothing, from its first attempt, and nothing else', async () => {
      const id = await submit({ maxAttempts: 1, deadline: START + 5_000 });
      await queue.fail(await leaseOne(), LATER);
      expect(await stateOf(id)).toBe('dead');
      place.advance(6_000);
      expect(await queue.retry('a', id)).toMatchObject({ state: 'queued', attempts: 0, deadline: null, error: null, finishedAt: null });
      const job = await leaseOne();
      expect(await codeOf(queue.retry('a', id))).toBe('JobConflict');
      await queue.complete(job, DONE, null);
      expect(await codeOf(queue.retry('a', id))).toBe('JobConflict');
    });

    it('shows nothing of another scope, and all to who names none', async () => {
      const id = await submit();
      for (const refused of [
        queue.get('b', id),
        queue.cancel('b', id),
        queue.retry('b', id),
        queue.history('b', id, 0),
        queue.get(null, 'job_0'),
      ])
        expect(await codeOf(refused)).toBe('JobNotFound');
      expect(await queue.list({ scope: 'b', state: null, batch: null, after: null, limit: 10 })).toEqual([]);
      expect(await queue.tally('b', null)).toMatchObject({ queued: 0 });
      expect(await queue.get(null, id)).toMatchObject({ id });
      for (const refused of [queue.complete({ id: 'job_0', lease: 'x' }, DONE, null), queue.renew({ id: 'job_0', lease: 'x' }, 1)])
        expect(await codeOf(refused)).toBe('JobNotFound');
    });

    it('lists by state and batch, the newest first, page by page, and results in their order', async () => {
      const ids: string[] = [];
      for (let i = 0; i < 5; i++) ids.push(await submit({ batch: i < 4 ? 'batch_1' : null, customId: `c${i}` }));
      const all = { scope: 'a', state: null, batch: null, after: null, limit: 2 };
      const page = await queue.list(all);
      expect(page.map(({ id }) => id)).toEqual([ids[4], ids[3]]);
      expect((await queue.list({ ...all, after: ids[3]!, limit: 10 })).map(({ id }) => id)).toEqual([ids[2], ids[1], ids[0]]);
      await queue.complete(await leaseOne(), DONE, null);
      expect((await queue.list({ ...all, state: 'succeeded' })).map(({ id }) => id)).toEqual([ids[0]]);
      expect(await queue.tally('a', 'batch_1')).toMatchObject({ queued: 3, succeeded: 1 });
      expect((await queue.results('a', 'batch_1', 1, 2)).map(({ customId }) => customId)).toEqual(['c1', 'c2']);
      expect(await queue.cancelBatch('b', 'batch_1')).toBe(0);
      expect(await queue.cancelBatch('a', 'batch_1')).toBe(3);
      expect(await queue.tally('a', null)).toMatchObject({ queued: 1, cancelled: 3, succeeded: 1 });
    });

    it('takes no more than may wait, all or none of what comes together', async () => {
      await queue.submit(Array.from({ length: MOST_WAITING - 1 }, () => jobRequest()));
      expect(await codeOf(queue.submit([jobRequest(), jobRequest()]))).toBe('Overloaded');
      expect(await queue.tally(null, null)).toMatchObject({ queued: MOST_WAITING - 1 });
      await submit();
    });

    it('forgets what is over for long enough, its events too', async () => {
      const id = await submit();
      await queue.complete(await leaseOne(), DONE, null);
      expect(await queue.sweep()).toEqual({ nextAt: START + KEEP_MS });
      place.advance(KEEP_MS);
      await queue.sweep();
      expect(await codeOf(queue.get(null, id))).toBe('JobNotFound');
      expect(await queue.read('slm.requests', 0, 10)).toEqual([]);
      expect(await queue.sweep()).toEqual({ nextAt: null });
    });

    it('puts what happens into topics, in order, and tells who watches', async () => {
      const seen: JobEvent[] = [];
      const end = queue.watch((event) => seen.push(event));
      const id = await submit();
      const job = await leaseOne();
      place.advance(30);
      await queue.complete(job, DONE, 20);
      end();
      await submit();
      const types = (events: readonly JobEvent[]): string[] => events.map(({ type }) => type);
      expect(types(seen)).toEqual(['queued', 'running', 'measured', 'succeeded']);
      expect(await queue.history('a', id, 0)).toEqual(seen);
      expect(await queue.history('a', id, seen[1]!.offset)).toEqual(seen.slice(2));
      expect(types(await queue.read('slm.requests', 0, 10))).toEqual(['queued', 'queued']);
      expect(types(await queue.read('slm.requests', seen[0]!.offset, 10))).toEqual(['queued']);
      expect(types(await queue.read('slm.responses', 0, 10))).toEqual(['succeeded']);
      const metrics = await queue.read('slm.metrics', 0, 10);
      expect(metrics.at(-1)).toMatchObject({
        type: 'measured',
        job: id,
        data: { queued_ms: 0, run_ms: 30, engine_ms: 20, overhead_ms: 10 },
      });
      const offsets = seen.map(({ offset }) => offset);
      expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    });

    it('has a webhook told once its job is over, until that is said to be enough', async () => {
      const id = await submit({ webhook: 'http://localhost/' });
      expect(await queue.webhooksDue(10)).toEqual([]);
      await queue.complete(await leaseOne(), DONE, null);
      expect(await queue.webhooksDue(10)).toMatchObject([{ job: { id, state: 'succeeded' }, tries: 0 }]);
      await queue.webhookTried(id, 400);
      expect(await queue.webhooksDue(10)).toEqual([]);
      place.advance(KEEP_MS);
      await queue.sweep();
      expect(await queue.webhooksDue(10)).toMatchObject([{ job: { id }, tries: 1 }]); // not forgotten before it is told
      await queue.webhookTried(id, null);
      expect(await queue.webhooksDue(10)).toEqual([]);
    });

    it('leases a job to one of many who ask at once', async () => {
      await queue.submit(Array.from({ length: 20 }, () => jobRequest()));
      const asked = await Promise.all(Array.from({ length: 40 }, (_, i) => lease({ worker: `w${i}` })));
      const leased = asked.flat();
      expect(leased).toHaveLength(20);
      expect(new Set(leased.map(({ id }) => id)).size).toBe(20);
      const ends = leased.flatMap((job: Held) => [queue.complete(job, DONE, null), queue.complete(job, DONE, null)]);
      expect(new Set((await Promise.all(ends)).map(({ state }) => state))).toEqual(new Set(['succeeded']));
      expect(await queue.tally(null, null)).toMatchObject({ succeeded: 20, running: 0, queued: 0 });
      expect(await queue.read('slm.responses', 0, 100)).toHaveLength(20);
    });

    it('keeps documents beside jobs: a batch with all of its jobs or not at all, and as long as one of them', async () => {
      const batch = { id: 'batch_1', scope: 'a', kind: 'batch', createdAt: START, data: '{"n":1}' };
      const refused = Array.from({ length: MOST_WAITING + 1 }, () => jobRequest({ batch: 'batch_1' }));
      expect(await codeOf(queue.submit(refused, batch))).toBe('Overloaded');
      expect(await queue.document('a', 'batch', 'batch_1')).toBeNull();
      await queue.submit([jobRequest({ batch: 'batch_1' })], batch);
      expect(await queue.document('a', 'batch', 'batch_1')).toEqual(batch);
      expect([await queue.document('b', 'batch', 'batch_1'), await queue.document('a', 'file', 'batch_1')]).toEqual([null, null]);
      await queue.putDocument({ ...batch, data: '{"n":2}' });
      for (const id of ['f1', 'f2', 'f3']) await queue.putDocument({ ...batch, id, kind: 'file' });
      const ids = async (after: string | null, before: string | null, limit = 10): Promise<string[]> =>
        (await queue.documents('a', 'file', { after, before, limit })).map(({ id }) => id);
      expect([await ids(null, null), await ids('f3', null, 1), await ids(null, 'f1', 1)]).toEqual([['f3', 'f2', 'f1'], ['f2'], ['f2']]);
      expect(await queue.documents('b', 'file', { after: null, before: null, limit: 9 })).toEqual([]);
      await queue.removeDocument('f2');
      expect(await ids(null, null)).toEqual(['f3', 'f1']);
      expect(await queue.endOf('batch_1')).toBeNull();
      place.advance(KEEP_MS);
      await queue.sweep();
      expect(await ids(null, null)).toEqual([]);
      expect(await queue.document(null, 'batch', 'batch_1')).toMatchObject({ data: '{"n":2}' });
      await queue.complete(await leaseOne(), DONE, null);
      expect(await queue.endOf('batch_1')).toBe(START + KEEP_MS);
      place.advance(KEEP_MS);
      await queue.sweep();
      await queue.sweep();
      expect(await queue.document(null, 'batch', 'batch_1')).toBeNull();
    });

    it('keeps texts as they are', async () => {
      const body = JSON.stringify({ text: 'ä\u0000\ud83d\ude00\ud800"\\' });
      const id = await submit({ body });
      await queue.complete(await leaseOne(), { status: 200, body }, null);
      expect(await queue.get(null, id)).toMatchObject({ body, result: { body } });
    });

    it('does nothing any more when it is closed', async () => {
      await queue.close();
      expect(await codeOf(queue.submit([jobRequest()]))).toBe('JobsUnavailable');
      await queue.close();
    });
  });
}
