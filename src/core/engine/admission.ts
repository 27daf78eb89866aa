/**
 * Says no at the door, before anything is computed or allocated: to a request that finds the queue full, that would wait too long, or
 * whose KV can never fit. What it costs to run is projected from what was measured.
 */
import { SemanticError } from '../domain/errors.js';
import { queueDelayMs, type Work } from '../domain/queue-delay.js';
import type { KvMemory } from './kv-memory.js';
import type { LiveRequests } from './live-requests.js';
import type { Meter } from './meter.js';
import type { Scheduler } from './scheduler.js';

export interface AdmissionOptions {
  readonly scheduler: Scheduler;
  readonly kv: KvMemory;
  readonly live: LiveRequests;
  readonly meter: Meter;
}

export class Admission {
  /** By API key: requests whose prompts are being rendered and encoded. */
  readonly #entering = new Map<string, number>();

  constructor(private readonly options: AdmissionOptions) {}

  /** Throws Overloaded or KeyOverLimit where there is no place in the queue; otherwise one is held until the function returned is called. */
  enter(key: string): () => void {
    const { scheduler } = this.options;
    const { maxBatchSequences, maxQueue, maxQueuePerKey, maxRunningPerKey } = scheduler.limits;
    const running = scheduler.allRunning();
    const waiting = scheduler.waiting();
    const entering = [...this.#entering.values()].reduce((sum, count) => sum + count, 0);
    // Requests that arrive together are not refused for a loop that has not run yet: free slots count.
    const inQueue = waiting.length + entering - Math.max(0, maxBatchSequences - running.length);
    if (inQueue >= maxQueue)
      throw this.#overloaded('Overloaded', `${waiting.length + entering} requests wait already, the queue holds ${maxQueue}`);
    if (maxQueuePerKey > 0) {
      const slots = maxRunningPerKey === 0 ? maxBatchSequences : Math.min(maxRunningPerKey, maxBatchSequences);
      const ofKey = waiting.filter((job) => job.key === key).length + (this.#entering.get(key) ?? 0);
      const free = Math.max(0, Math.min(slots - running.filter((job) => job.key === key).length, maxBatchSequences - running.length));
      if (ofKey - free >= maxQueuePerKey)
        throw this.#overloaded('KeyOverLimit', `${ofKey} requests of this key wait already, it may have ${maxQueuePerKey} in the queue`);
    }
    this.#entering.set(key, (this.#entering.get(key) ?? 0) + 1);
    return () => {
      const left = this.#entering.get(key)! - 1;
      if (left === 0) this.#entering.delete(key);
      else this.#entering.set(key, left);
    };
  }

  /** Throws OutOfMemory for KV that can never fit, Overloaded for a request that would wait too long. */
  assertWorthQueueing(maxKvTokens: number): void {
    const { kv, scheduler } = this.options;
    const blocks = kv.blocksFor(maxKvTokens);
    if (!kv.pool.canEverAllocate(blocks)) {
      const wanted = `${kv.pool.bytesOf(blocks)} bytes of KV for ${maxKvTokens} tokens`;
      const budget = kv.pool.counts().totalBytes;
      throw new SemanticError('OutOfMemory', `[admission] the request wants ${wanted}, the memory budget holds ${budget}`, {
        hint: 'Ask for fewer max_tokens, shorten the prompt, or raise engine.memory_budget_bytes.',
      });
    }
    const { maxQueueMs } = scheduler.limits;
    const delayMs = this.delayMs();
    if (delayMs > maxQueueMs) {
      const [projected, most] = [delayMs, maxQueueMs].map((ms) => `${Math.ceil(ms / 1000)} s`);
      throw this.#overloaded('Overloaded', `the request would wait ${projected}, at most ${most} are promised`, delayMs - maxQueueMs);
    }
  }

  /** How long a request that comes now would wait for its turn, as far as can be told; 0 while nothing was measured. */
  delayMs(): number {
    const { scheduler } = this.options;
    const waiting = scheduler.waiting().map(({ id, prompt }) => this.#work(id, prompt.length));
    return this.#delayMs(waiting);
  }

  #delayMs(waiting: readonly Work[]): number {
    const { scheduler } = this.options;
    const costs = scheduler.costs();
    if (costs === null) return 0;
    const running = scheduler.allRunning().map(({ id, prompt, numKvTokens }) => this.#work(id, Math.max(0, prompt.length - numKvTokens)));
    return queueDelayMs(running, waiting, scheduler.limits.maxBatchSequences, costs);
  }

  /** Nobody knows how long an answer gets: as long as those before, or as it may. */
  #work(id: number, prefillTokens: number): Work {
    const { live, meter } = this.options;
    const generation = live.get(id);
    const left = generation.maxTokens - generation.numOutputs;
    const expected = (meter.meanOutputs ?? EXPECTED_OUTPUTS) - generation.numOutputs;
    return { prefillTokens, outputTokens: Math.max(1, Math.min(left, expected)) };
  }

  /** `waitMs`: until it is worth another try; without it until the next slot is free. */
  #overloaded(code: 'Overloaded' | 'KeyOverLimit', what: string, waitMs = this.#delayMs([])): SemanticError {
    const { retryAfterSeconds, maxRetryAfterSeconds } = this.options.scheduler.limits;
    const seconds = Math.min(maxRetryAfterSeconds, Math.max(retryAfterSeconds, Math.ceil(waitMs / 1000)));
    return new SemanticError(code, `[admission] ${what}`, { retryAfterSeconds: seconds, hint: `Try again in ${seconds} s.` });
  }
}

/** Tokens of an answer, before any has ended. */
const EXPECTED_OUTPUTS = 256;
