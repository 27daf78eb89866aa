/**
 * Decides what the next step runs. Pure state: it knows no runner, no clock, no text. A job waits (FIFO), is admitted
 * when a batch slot and its KV blocks are free, starts when its sequence is there (KV may come from disk while others
 * run), prefills in chunks, decodes one token a step, and leaves.
 */
import { type BlockLease, type BlockPool, countsOf } from '../domain/block-pool.js';
import { SemanticError } from '../domain/errors.js';
import type { BlockCounts } from '../domain/model-cache-spec.js';

export interface SchedulerLimits {
  /** Sequences in one step. */
  readonly maxBatchSequences: number;
  /** Jobs that may wait beyond those the free batch slots will take; one more is Overloaded. */
  readonly maxQueue: number;
  /** Prompt tokens one step prefills, at most. */
  readonly prefillChunkTokens: number;
  /** What an Overloaded answer tells the caller to wait. */
  readonly retryAfterSeconds: number;
}

export interface Job {
  readonly id: number;
  readonly prompt: Int32Array; // [promptTokens], >= 1
  /** Most tokens its KV will hold: prompt + most output. */
  readonly maxKvTokens: number;
  /** What they take. */
  readonly blocks: BlockCounts;
}

export interface RunningJob extends Job {
  /** Null until it has started. */
  readonly sequence: number | null;
  /** At least `blocks`, for as long as it runs; who removes the job frees it or hands it on. */
  readonly lease: BlockLease;
  /** Prompt tokens found in the KV at its start. */
  readonly cachedTokens: number;
  /** Tokens in the KV; the last sampled one never is. */
  readonly numKvTokens: number;
  /** The token sampled last, which the next step appends; null while prefilling. */
  readonly nextToken: number | null;
}

export interface PlannedEntry {
  readonly id: number;
  readonly sequence: number;
  readonly tokens: Int32Array;
  readonly sample: boolean;
  /** Appends what it sampled before; otherwise it reads its prompt. */
  readonly decodes: boolean;
}

export interface SchedulerPlan {
  readonly entries: readonly PlannedEntry[];
}

export interface SchedulerCounts {
  readonly waiting: number;
  readonly running: number;
  readonly enqueued: number;
  readonly left: number;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export class Scheduler {
  readonly #limits: SchedulerLimits;
  readonly #pool: BlockPool;
  readonly #waiting = new Map<number, Job>();
  readonly #running = new Map<number, Mutable<RunningJob>>();
  #enqueued = 0;
  #left = 0;

  /** The pool is asked, never changed: the engine allocates. */
  constructor(limits: SchedulerLimits, pool: BlockPool) {
    this.#limits = limits;
    this.#pool = pool;
  }

  /** Throws OutOfMemory for a job that can never fit, Overloaded for one that finds the queue full. */
  enqueue(job: Job): void {
    const { maxBatchSequences, maxQueue, retryAfterSeconds } = this.#limits;
    if (!this.#pool.canEverAllocate(job.blocks)) {
      const wanted = `${this.#pool.bytesOf(job.blocks)} bytes of KV for ${job.maxKvTokens} tokens`;
      throw new SemanticError(
        'OutOfMemory',
        `[scheduler] the request wants ${wanted}, the memory budget holds ${this.#pool.counts().totalBytes}`,
        { hint: 'Ask for fewer max_tokens, shorten the prompt, or raise engine.memory_budget_bytes.' },
      );
    }
    if (this.#waiting.size >= maxQueue + maxBatchSequences - this.#running.size) {
      throw new SemanticError('Overloaded', `[scheduler] ${this.#waiting.size} requests wait already, the queue holds ${maxQueue}`, {
        retryAfterSeconds,
        hint: `Try again in ${retryAfterSeconds} s.`,
      });
    }
    this.#waiting.set(job.id, job);
    this.#enqueued += 1;
  }

  /** The job that may be admitted if there is room for it, or null. Never mutates. */
  nextToAdmit(hasRoom: (job: Job) => boolean): Job | null {
    if (this.#running.size >= this.#limits.maxBatchSequences) return null;
    const head = this.#waiting.values().next().value;
    return head !== undefined && hasRoom(head) ? head : null;
  }

  /** A job that waits though nothing runs, and so nothing will make room for it; null where there is none. */
  stuck(): Job | null {
    return this.#running.size === 0 ? (this.#waiting.values().next().value ?? null) : null;
  }

  /** `lease` holds the job's blocks. */
  admit(id: number, lease: BlockLease): void {
    const job = this.#waiting.values().next().value;
    if (job?.id !== id || this.#running.size >= this.#limits.maxBatchSequences) {
      throw new Error(`[scheduler] job ${id} is not next to be admitted`);
    }
    if (!covers(lease, job.blocks)) throw new Error(`[scheduler] job ${id} wants ${job.blocks.join(' + ')} blocks, its lease holds fewer`);
    this.#waiting.delete(id);
    this.#running.set(id, { ...job, sequence: null, lease, cachedTokens: 0, numKvTokens: 0, nextToken: null });
  }

  /** Its sequence is there, with the first `cachedTokens` of the prompt. */
  start(id: number, sequence: number, cachedTokens: number): RunningJob {
    const job = this.#running.get(id);
    if (job === undefined || job.sequence !== null) throw new Error(`[scheduler] job ${id} is not about to start`);
    if (cachedTokens < 0 || cachedTokens >= job.prompt.length) {
      throw new Error(`[scheduler] ${cachedTokens} cached tokens of ${job.prompt.length}: at least one must be prefilled`);
    }
    return Object.assign(job, { sequence, cachedTokens, numKvTokens: cachedTokens });
  }

  /** What a running job holds. */
  running(id: number): RunningJob {
    const job = this.#running.get(id);
    if (job === undefined) throw new Error(`[scheduler] job ${id} does not run`);
    return job;
  }

  /** Whether the job is admitted and waits for its sequence. */
  isStarting(id: number): boolean {
    return this.#running.get(id)?.sequence === null;
  }

  stateOf(id: number): 'waiting' | 'starting' | 'prefill' | 'decode' {
    const job = this.#running.get(id);
    if (job === undefined) return 'waiting';
    if (job.sequence === null) return 'starting';
    return job.nextToken === null ? 'prefill' : 'decode';
  }

  /** Every decoding job not `held`, and one chunk of the oldest job still prefilling; null when there is nothing to run. */
  next(held: (id: number) => boolean = () => false): SchedulerPlan | null {
    const entries: PlannedEntry[] = [];
    let prefills = 0;
    for (const job of this.#running.values()) {
      if (job.sequence === null) continue;
      if (job.nextToken !== null) {
        if (!held(job.id))
          entries.push({ id: job.id, sequence: job.sequence, tokens: Int32Array.of(job.nextToken), sample: true, decodes: true });
      } else if (prefills === 0) {
        prefills += 1;
        const end = Math.min(job.numKvTokens + this.#limits.prefillChunkTokens, job.prompt.length);
        const tokens = job.prompt.subarray(job.numKvTokens, end);
        entries.push({ id: job.id, sequence: job.sequence, tokens, sample: end === job.prompt.length, decodes: false });
      }
    }
    return entries.length === 0 ? null : { entries };
  }

  /** Takes over what a step did: `tokens[i]` is the sample of entry i, null where none was asked for. */
  commit(plan: SchedulerPlan, tokens: readonly (number | null)[]): void {
    plan.entries.forEach((entry, i) => {
      const job = this.#running.get(entry.id);
      if (job === undefined) throw new Error(`[scheduler] job ${entry.id} left during a step`);
      const token = tokens[i] ?? null;
      if (entry.sample !== (token !== null)) throw new Error(`[scheduler] entry ${i} of the step wanted sample=${entry.sample}`);
      job.numKvTokens += entry.tokens.length;
      if (token !== null) job.nextToken = token;
    });
  }

  /** Finished, cancelled or failed: the job leaves, whatever its state. Returns it if it was running. */
  remove(id: number): RunningJob | null {
    if (this.#waiting.delete(id)) {
      this.#left += 1;
      return null;
    }
    const job = this.#running.get(id);
    if (job === undefined) return null;
    this.#running.delete(id);
    this.#left += 1;
    return job;
  }

  counts(): SchedulerCounts {
    return {
      waiting: this.#waiting.size,
      running: this.#running.size,
      enqueued: this.#enqueued,
      left: this.#left,
    };
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    const jobs = [...this.#running.values()];
    const fail = (what: string): never => {
      throw new Error(`[scheduler] integrity: ${what}`);
    };
    if (jobs.length > this.#limits.maxBatchSequences) fail(`${jobs.length} jobs run, at most ${this.#limits.maxBatchSequences} may`);
    const mayWait = this.#limits.maxQueue + this.#limits.maxBatchSequences;
    if (this.#waiting.size > mayWait) fail(`${this.#waiting.size} jobs wait, at most ${mayWait} may`);
    if (this.#enqueued !== this.#left + this.#waiting.size + jobs.length) fail('enqueued != left + waiting + running');
    const started = jobs.flatMap(({ sequence }) => sequence ?? []);
    if (new Set(started).size !== started.length) fail('two jobs share a sequence');
    for (const job of jobs) {
      if (job.numKvTokens > job.maxKvTokens) fail(`job ${job.id} holds ${job.numKvTokens} tokens of ${job.maxKvTokens}`);
      if (!covers(job.lease, job.blocks)) fail(`job ${job.id} has lost blocks`);
      if (job.sequence === null && job.numKvTokens > 0) fail(`job ${job.id} holds tokens before it has started`);
      if (job.nextToken !== null && job.numKvTokens < job.prompt.length) fail(`job ${job.id} decodes before its prompt is in`);
    }
  }
}

function covers(lease: BlockLease, blocks: BlockCounts): boolean {
  return countsOf(lease).every((count, i) => count >= (blocks[i] ?? 0));
}
