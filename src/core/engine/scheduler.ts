/**
 * Decides what the next step runs. Pure state: it knows no runner, no clock, no text. A job waits for its turn, is admitted when a batch
 * slot and blocks for its prompt are free, starts when its sequence is there (KV may come from disk while others run), prefills in
 * chunks, decodes one token a step, gains blocks as it grows, makes way for an older one where there are none, and leaves.
 */
import { type BlockLease, countsOf } from '../domain/block-pool.js';
import { FairQueue } from '../domain/fair-queue.js';
import type { BlockCounts } from '../domain/model-cache-spec.js';
import { PrefillBudget } from '../domain/prefill-budget.js';
import type { Priority } from '../domain/priority.js';
import { sharePrefill } from '../domain/share-prefill.js';
import type { SchedulerLimits } from './scheduler-limits.js';

export interface Job {
  readonly id: number;
  /** What its KV holds before it decodes: its prompt, and what it had sampled before it made way. */
  readonly prompt: Int32Array; // [promptTokens], >= 1
  /** Most tokens its KV will hold: prompt + most output. */
  readonly maxKvTokens: number;
  /** Scope of its API key. */
  readonly key: string;
  /** Its agent or session; '' = none. */
  readonly flow: string;
  readonly priority: Priority;
  /** Milliseconds, by the clock of whoever calls. */
  readonly arrivedAt: number;
}

export interface WaitingJob extends Job {
  /** It ran before and made way. */
  readonly isPreempted: boolean;
}

export interface RunningJob extends Job {
  /** Null until it has started. */
  readonly sequence: number | null;
  /** Covers `coveredTokens`, for as long as it runs; who removes the job frees it or hands it on. */
  readonly lease: BlockLease;
  /** Tokens its KV has blocks for. */
  readonly coveredTokens: number;
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

interface Running extends RunningJob {
  sequence: number | null;
  coveredTokens: number;
  cachedTokens: number;
  numKvTokens: number;
  nextToken: number | null;
}

const JUST_SAMPLED = Int32Array.of(-1); // as RunnerEntry has it

/** What a sampled token costs its API key, in prompt tokens. */
const DECODE_COST = 2;

export class Scheduler {
  #limits: SchedulerLimits;
  readonly #queue = new FairQueue<WaitingJob>();
  readonly #running = new Map<number, Running>();
  readonly #budget = new PrefillBudget();
  #enqueued = 0;
  #left = 0;

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
  }

  get limits(): SchedulerLimits {
    return this.#limits;
  }

  setLimits(limits: SchedulerLimits): void {
    this.#limits = limits;
  }

  enqueue(job: Job): void {
    const waiting = { ...job, isPreempted: false };
    this.#queue.join(waiting);
    this.#queue.push(waiting);
    this.#enqueued += 1;
  }

  /** The job that may be admitted if there is room for it, or null; `mayRun` says which may have a turn at all. Never mutates. */
  nextToAdmit(now: number, hasRoom: (job: Job) => boolean, mayRun: (job: Job) => boolean = () => true): Job | null {
    const { maxBatchSequences, ageingMs } = this.#limits;
    if (this.#running.size >= maxBatchSequences || this.#queue.size === 0) return null;
    const job = this.#queue.next(now, ageingMs, (key) => this.#keyHasSlot(key), mayRun);
    return job !== null && hasRoom(job) ? job : null;
  }

  /** A job that waits though nothing runs, and so nothing will make room for it; null where there is none. */
  stuck(now: number): Job | null {
    return this.#running.size === 0
      ? this.#queue.next(
          now,
          this.#limits.ageingMs,
          () => true,
          () => true,
        )
      : null;
  }

  /** Tokens of KV that a job has room for when it starts. */
  firstTokens({ prompt, maxKvTokens }: Job): number {
    return Math.min(maxKvTokens, prompt.length + this.#limits.reserveTokens);
  }

  /** `lease` holds `blocks`, which are those of `coveredTokens`. */
  admit(id: number, now: number, lease: BlockLease, blocks: BlockCounts, coveredTokens: number): void {
    const job = this.#queue.get(id);
    if (job === null || this.#running.size >= this.#limits.maxBatchSequences) {
      throw new Error(`[scheduler] job ${id} is not next to be admitted`);
    }
    if (!covers(lease, blocks)) throw new Error(`[scheduler] job ${id} wants ${blocks.join(' + ')} blocks, its lease holds fewer`);
    if (coveredTokens < job.prompt.length)
      throw new Error(`[scheduler] job ${id} has room for ${coveredTokens} of ${job.prompt.length} tokens`);
    this.#queue.take(job, now, this.#limits.ageingMs);
    const { isPreempted: _, ...rest } = job;
    this.#running.set(id, {
      ...rest,
      sequence: null,
      lease,
      coveredTokens,
      cachedTokens: 0,
      numKvTokens: 0,
      nextToken: null,
    });
  }

  /** Its sequence is there, with the first `cachedTokens` of the prompt. */
  start(id: number, sequence: number, cachedTokens: number): RunningJob {
    const job = this.#get(id);
    if (job.sequence !== null) throw new Error(`[scheduler] job ${id} is not about to start`);
    if (cachedTokens < 0 || cachedTokens >= job.prompt.length) {
      throw new Error(`[scheduler] ${cachedTokens} cached tokens of ${job.prompt.length}: at least one must be prefilled`);
    }
    return Object.assign(job, { sequence, cachedTokens, numKvTokens: cachedTokens });
  }

  /** What a running job holds. */
  running(id: number): RunningJob {
    return this.#get(id);
  }

  /** Whether the job is admitted and waits for its sequence. */
  isStarting(id: number): boolean {
    return this.#running.get(id)?.sequence === null;
  }

  stateOf(id: number): 'waiting' | 'preempted' | 'starting' | 'prefill' | 'decode' {
    const job = this.#running.get(id);
    if (job === undefined) return this.#queue.get(id)?.isPreempted === true ? 'preempted' : 'waiting';
    if (job.sequence === null) return 'starting';
    return job.nextToken === null ? 'prefill' : 'decode';
  }

  /** Jobs whose next token has no block yet, oldest first. */
  wantingRoom(): readonly RunningJob[] {
    return [...this.#running.values()].filter((job) => job.nextToken !== null && !hasRoom(job)).sort(byAge);
  }

  /** Tokens it should have room for next. */
  nextTokens({ numKvTokens, maxKvTokens }: RunningJob): number {
    return Math.min(maxKvTokens, numKvTokens + Math.max(1, this.#limits.reserveTokens));
  }

  /** Its lease covers so many tokens from now on. */
  grow(id: number, coveredTokens: number): void {
    this.#get(id).coveredTokens = coveredTokens;
  }

  /** Who makes way: the youngest batch job, else the youngest interactive one; null where none has a sequence yet. */
  victim(): RunningJob | null {
    const jobs = [...this.#running.values()].filter(({ sequence }) => sequence !== null).sort(byAge);
    return jobs.findLast(({ priority }) => priority === 'batch') ?? jobs.at(-1) ?? null;
  }

  /** It waits again, and will go on from `tokens`: its prompt and all it has sampled. Whoever calls takes over sequence and lease. */
  preempt(id: number, tokens: Int32Array): RunningJob {
    const job = this.#get(id);
    this.#running.delete(id);
    const { maxKvTokens, key, flow, priority, arrivedAt } = job;
    this.#queue.push({ id, prompt: tokens, maxKvTokens, key, flow, priority, arrivedAt, isPreempted: true });
    return job;
  }

  /** Every decoding job that is not `held` and has room, and a share of the prefill budget for jobs still prefilling; null when there is nothing to run. */
  next(held: (id: number) => boolean = () => false): SchedulerPlan | null {
    const entries: PlannedEntry[] = [];
    const jobs = [...this.#running.values()];
    for (const job of jobs) {
      if (job.sequence === null || job.nextToken === null || !hasRoom(job) || held(job.id)) continue;
      entries.push({ id: job.id, sequence: job.sequence, tokens: Int32Array.of(job.nextToken), sample: true, decodes: true });
    }
    const prefilling = jobs
      .filter(({ sequence, nextToken }) => sequence !== null && nextToken === null)
      .map(({ id, prompt, numKvTokens, priority, arrivedAt }) => ({ id, remaining: prompt.length - numKvTokens, priority, arrivedAt }));
    for (const [id, count] of sharePrefill(prefilling, this.#budget.next(entries.length, this.#limits))) {
      const { sequence, numKvTokens, prompt } = this.#get(id);
      const end = numKvTokens + count;
      const tokens = prompt.subarray(numKvTokens, end);
      entries.push({ id, sequence: sequence!, tokens, sample: end === prompt.length, decodes: false });
    }
    return entries.length === 0 ? null : { entries };
  }

  /**
   * What runs after `plan` whatever it samples: one more token of each of its answers, asked for before the one before it is known. Null
   * where something else may come first: not everybody who is there decodes in it, somebody could be admitted, or room for two tokens lacks.
   */
  follow({ entries }: SchedulerPlan): SchedulerPlan | null {
    const { maxBatchSequences } = this.#limits;
    if (this.#running.size !== entries.length || (this.#queue.size > 0 && this.#running.size < maxBatchSequences)) return null;
    const goesOn = ({ id, decodes }: PlannedEntry): boolean => {
      const job = this.#running.get(id);
      return decodes && job !== undefined && job.numKvTokens + 1 < job.coveredTokens;
    };
    return entries.every(goesOn) ? { entries: entries.map((entry) => ({ ...entry, tokens: JUST_SAMPLED })) } : null;
  }

  /** Prompt tokens that fit beside what decodes now. */
  prefillChunk(): number {
    const decoding = [...this.#running.values()].filter(({ nextToken }) => nextToken !== null).length;
    return this.#budget.chunkBeside(decoding, this.#limits);
  }

  /** What prefill and decoding cost with a full batch; null before they were measured. */
  costs(): { readonly tokenMs: number; readonly stepMs: number } | null {
    return this.#budget.costs(this.#limits.maxBatchSequences);
  }

  /** Takes over what a step did, `ms` after the one before it: `tokens[i]` is the sample of entry i, null where none was asked for. */
  commit(plan: SchedulerPlan, tokens: readonly (number | null)[], ms: number): void {
    let [decoding, prefillTokens] = [0, 0];
    plan.entries.forEach((entry, i) => {
      const job = this.#running.get(entry.id);
      if (job === undefined) throw new Error(`[scheduler] job ${entry.id} left during a step`);
      const token = tokens[i] ?? null;
      if (entry.sample !== (token !== null)) throw new Error(`[scheduler] entry ${i} of the step wanted sample=${entry.sample}`);
      job.numKvTokens += entry.tokens.length;
      if (token !== null) job.nextToken = token;
      if (entry.decodes) decoding += 1;
      else prefillTokens += entry.tokens.length;
      this.#queue.serve(asQueued(job), entry.decodes ? DECODE_COST : entry.tokens.length);
    });
    this.#budget.observe({ decoding, prefillTokens, ms }, this.#limits);
  }

  /** Finished, cancelled or failed: the job leaves, whatever its state. Returns it if it was running. */
  remove(id: number): RunningJob | null {
    const waiting = this.#queue.remove(id);
    const running = this.#running.get(id) ?? null;
    const job = waiting ?? (running === null ? null : asQueued(running));
    if (job === null) return null;
    this.#running.delete(id);
    this.#queue.leave(job);
    this.#left += 1;
    return running;
  }

  waiting(): readonly WaitingJob[] {
    return [...this.#queue.values()];
  }

  allRunning(): readonly RunningJob[] {
    return [...this.#running.values()];
  }

  counts(): SchedulerCounts {
    return { waiting: this.#queue.size, running: this.#running.size, enqueued: this.#enqueued, left: this.#left };
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    const jobs = [...this.#running.values()];
    const fail = (what: string): never => {
      throw new Error(`[scheduler] integrity: ${what}`);
    };
    if (this.#enqueued !== this.#left + this.#queue.size + jobs.length) fail('enqueued != left + waiting + running');
    const started = jobs.flatMap(({ sequence }) => sequence ?? []);
    if (new Set(started).size !== started.length) fail('two jobs share a sequence');
    for (const job of jobs) {
      if (job.numKvTokens > job.coveredTokens) fail(`job ${job.id} holds ${job.numKvTokens} tokens, its blocks ${job.coveredTokens}`);
      if (job.coveredTokens > job.maxKvTokens) fail(`job ${job.id} has room for ${job.coveredTokens} tokens of ${job.maxKvTokens}`);
      if (job.sequence === null && job.numKvTokens > 0) fail(`job ${job.id} holds tokens before it has started`);
      if (job.nextToken !== null && job.numKvTokens < job.prompt.length) fail(`job ${job.id} decodes before its prompt is in`);
    }
  }

  #get(id: number): Running {
    const job = this.#running.get(id);
    if (job === undefined) throw new Error(`[scheduler] job ${id} does not run`);
    return job;
  }

  #keyHasSlot(key: string): boolean {
    const { maxRunningPerKey } = this.#limits;
    if (maxRunningPerKey === 0) return true;
    return [...this.#running.values()].filter((job) => job.key === key).length < maxRunningPerKey;
  }
}

function covers(lease: BlockLease, blocks: BlockCounts): boolean {
  return countsOf(lease).every((count, i) => count >= (blocks[i] ?? 0));
}

function hasRoom({ numKvTokens, coveredTokens }: RunningJob): boolean {
  return numKvTokens < coveredTokens;
}

function byAge(a: Job, b: Job): number {
  return a.arrivedAt - b.arrivedAt || a.id - b.id;
}

function asQueued(job: RunningJob): WaitingJob {
  return { ...job, isPreempted: false };
}
