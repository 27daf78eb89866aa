/** The queue while the daemon runs: who waits for a job or for its end, and what the clock brings. */
import type { Logger } from 'pino';
import { SemanticError } from '../../core/domain/errors.js';
import { isFinal, type Job, type JobDetail, type LeasedJob } from '../../core/domain/job.js';
import type { JobEvent } from '../../core/domain/job-event.js';
import type { Held, JobQueue, LeaseWanted } from '../../core/jobs/job-queue.js';
import { WakeUp } from './wake-up.js';
import type { Webhooks } from './webhooks.js';

export interface JobDeskOptions {
  /** Throws JobsUnavailable where it cannot be had now. Null = `jobs.enabled` is false. */
  readonly open: (() => Promise<JobQueue>) | null;
  readonly webhooks: Webhooks;
  readonly logger: Logger;
}

const AVAILABLE = 'available';
/** Between attempts to open the queue. */
const REOPEN_MS = 5_000;
/** The soonest and the latest that the clock is looked at again. */
const SOON_MS = 20;
const LATE_MS = 60_000;
/** After an event of which it is not known when it will matter. */
const SOME_MS = 1_000;

export class JobDesk {
  #queue: JobQueue | null = null;
  #why: SemanticError;
  readonly #wake = new WakeUp();
  readonly #stopping = new AbortController();
  readonly #closing = new AbortController();
  #sweepAt = Infinity;
  #timer: NodeJS.Timeout | undefined;

  constructor(private readonly options: JobDeskOptions) {
    this.#why = unavailable(options.open === null ? 'jobs.enabled is false' : 'it is being opened');
  }

  /** Throws JobsUnavailable. */
  get queue(): JobQueue {
    if (this.#queue === null) throw this.#why;
    return this.#queue;
  }

  /** Resolves when it is open, or never will be: false. */
  async open(): Promise<boolean> {
    const { open, logger } = this.options;
    if (open === null) return false;
    let isTold = false;
    while (!this.#closing.signal.aborted) {
      try {
        const queue = await open();
        if (this.#closing.signal.aborted) {
          await queue.close();
          return false;
        }
        this.#queue = queue;
        queue.watch((event) => this.#happened(event));
        this.#arm(0);
        return true;
      } catch (error) {
        this.#why = error instanceof SemanticError ? error : unavailable(String(error));
        if (!isTold) logger.warn({ err: error }, 'jobs are not taken: their queue cannot be opened');
        isTold = true;
      }
      await this.#wake.next('', this.#closing.signal, REOPEN_MS);
    }
    return false;
  }

  /** Waits so long for a job where there is none. What was leased for somebody who is gone is given back. Throws ShuttingDown. */
  async lease(wanted: LeaseWanted, waitMs: number, gone: AbortSignal): Promise<readonly LeasedJob[]> {
    const until = Date.now() + waitMs;
    const signal = AbortSignal.any([gone, this.#stopping.signal]);
    for (;;) {
      if (this.#stopping.signal.aborted) throw new SemanticError('ShuttingDown', '[jobs] the daemon is stopping and leases nothing more');
      const left = until - Date.now();
      const looked = new AbortController();
      const next = this.#wake.next(AVAILABLE, AbortSignal.any([signal, looked.signal]), Math.max(0, left));
      try {
        const leased = await this.queue.lease(wanted);
        if (gone.aborted) {
          for (const held of leased) await this.#giveBack(held);
          return [];
        }
        if (leased.length > 0 || left <= 0) return leased;
        await next;
      } finally {
        looked.abort();
      }
    }
  }

  /** The job when it is over. Throws Cancelled where `gone` aborts, ShuttingDown where the daemon does. */
  async ended(scope: string, id: string, gone: AbortSignal): Promise<JobDetail> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    for (;;) {
      const next = this.#wake.next(id, signal);
      const job = await this.queue.get(scope, id);
      if (isFinal(job.state)) return job;
      if (gone.aborted) throw new SemanticError('Cancelled', 'the client went away before the job was over');
      if (signal.aborted) throw new SemanticError('ShuttingDown', `[jobs] the daemon is stopping; ${id} waits for its next start`);
      await next;
    }
  }

  /** Resolves when the job does not run any more, or `over` aborts. */
  async left(id: string, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const next = this.#wake.next(id, over);
      const job = await this.#queue?.get(null, id).catch(() => null); // what is wrong with it is told elsewhere
      if (job?.state !== undefined && job.state !== 'running') return;
      await next;
    }
  }

  /** What happened to a job behind that offset, and happens until it is over. */
  async *follow(scope: string | null, id: string, after: number, gone: AbortSignal): AsyncGenerator<JobEvent, void, undefined> {
    const signal = AbortSignal.any([gone, this.#closing.signal]);
    for (let last = after; ;) {
      const next = this.#wake.next(id, signal);
      const { state } = await this.queue.get(scope, id);
      for (const event of await this.queue.history(scope, id, last)) {
        yield event;
        last = event.offset;
      }
      if (isFinal(state) || signal.aborted) return;
      await next;
    }
  }

  /** Leases nothing more. What is said of jobs that were leased is still taken. */
  stop(): void {
    this.#stopping.abort();
  }

  /** Sends away who waits for a job to be over. */
  hurry(): void {
    this.#stopping.abort();
    this.#closing.abort();
    this.#wake.tellAll();
  }

  async close(): Promise<void> {
    this.hurry();
    clearTimeout(this.#timer);
    this.options.webhooks.close();
    const queue = this.#queue;
    this.#queue = null;
    this.#why = new SemanticError('ShuttingDown', '[jobs] the daemon is stopping');
    await queue?.close();
  }

  #happened(event: JobEvent): void {
    const { job, type, data } = event;
    this.#wake.tell(job);
    if (type === 'queued') this.#wake.tell(AVAILABLE);
    if (type === 'measured') return;
    const delay = type === 'queued' ? Number(data['delay_ms'] ?? 0) : SOME_MS;
    this.#arm(isFinal(type) ? SOON_MS : delay);
  }

  #arm(inMs: number): void {
    const at = Date.now() + Math.min(LATE_MS, Math.max(SOON_MS, inMs));
    if (this.#closing.signal.aborted || at >= this.#sweepAt) return;
    this.#sweepAt = at;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#sweep(), at - Date.now()).unref();
  }

  async #sweep(): Promise<void> {
    const queue = this.#queue;
    if (queue === null || this.#closing.signal.aborted) return;
    this.#sweepAt = Infinity;
    try {
      const { nextAt } = await queue.sweep();
      this.#wake.tell(AVAILABLE);
      void this.options.webhooks.tell(queue).then((isTried) => {
        if (isTried) this.#arm(SOON_MS);
      });
      if (nextAt !== null) this.#arm(nextAt - Date.now());
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      this.options.logger.warn({ err: error }, 'jobs cannot be looked through');
      this.#arm(REOPEN_MS);
    }
  }

  #giveBack({ id, lease }: Held): Promise<Job | undefined> {
    return this.queue.release({ id, lease }, 0).catch(() => undefined); // its lease will run out
  }
}

function unavailable(why: string): SemanticError {
  return new SemanticError('JobsUnavailable', `[jobs] the queue cannot be used: ${why}`);
}
