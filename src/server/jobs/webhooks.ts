/** Tells the addresses that jobs name that they are over: at least once, or after so many attempts never. */
import type { Logger } from 'pino';
import type { Config } from '../../adapters/config/schema.js';
import { backoffMs } from '../../core/domain/job-backoff.js';
import type { DueWebhook, JobQueue } from '../../core/jobs/job-queue.js';
import { jobBody } from './bodies.js';

const AT_ONCE = 8;
const TIMEOUT_MS = 10_000;
const BACKOFF = { firstMs: 1_000, mostMs: 300_000 };

export class Webhooks {
  #isTelling = false;
  #isAsked = false;
  readonly #closed = new AbortController();

  constructor(
    private readonly settings: Pick<Config['jobs'], 'webhook_attempts'>,
    private readonly logger: Logger,
  ) {}

  /** Tells all that are due; to be called when there may be some. False where there were none, or they are being told already. */
  async tell(queue: JobQueue): Promise<boolean> {
    this.#isAsked = true;
    if (this.#isTelling) return false;
    this.#isTelling = true;
    let isTried = false;
    try {
      while (this.#isAsked && !this.#closed.signal.aborted) {
        this.#isAsked = false;
        for (let due = await queue.webhooksDue(AT_ONCE); due.length > 0; due = await queue.webhooksDue(AT_ONCE)) {
          isTried = true;
          await Promise.all(due.map((one) => this.#try(queue, one)));
          if (this.#closed.signal.aborted) return true;
        }
      }
    } catch (error) {
      if (!this.#closed.signal.aborted) this.logger.warn({ err: error }, 'the webhooks that are due cannot be read');
    } finally {
      this.#isTelling = false;
    }
    return isTried;
  }

  close(): void {
    this.#closed.abort();
  }

  async #try(queue: JobQueue, { job, tries }: DueWebhook): Promise<void> {
    const failure = await this.#post(job.webhook!, JSON.stringify({ type: `job.${job.state}`, job: jobBody(job) }));
    if (this.#closed.signal.aborted) return; // it is due at the next start
    const isLast = tries + 1 >= this.settings.webhook_attempts;
    if (failure !== null && isLast) this.logger.warn(`the webhook of ${job.id} is given up after ${tries + 1} attempts: ${failure}`);
    await queue.webhookTried(job.id, failure === null || isLast ? null : backoffMs(tries + 1, BACKOFF, Math.random()));
  }

  /** Null where it was taken; else what went wrong. Redirects are not followed: they could lead to where nobody may be told. */
  async #post(address: string, body: string): Promise<string | null> {
    const signal = AbortSignal.any([this.#closed.signal, AbortSignal.timeout(TIMEOUT_MS)]);
    try {
      const headers = { 'content-type': 'application/json', 'user-agent': 'semantic' };
      const response = await fetch(address, { method: 'POST', body, headers, signal, redirect: 'manual' });
      await response.body?.cancel();
      return response.ok ? null : `it answered with ${response.status}`;
    } catch (error) {
      return String((error as Error).cause ?? error);
    }
  }
}
