/**
 * The trunk: a request comes in as messages and leaves as events. Each turn of the loop has three beats,
 * plan -> step -> commit. The scheduler decides, the runner computes; neither knows the other.
 */
import { SemanticError } from '../domain/errors.js';
import type { ModelCacheSpec } from '../domain/model-cache-spec.js';
import { agentOfSession } from '../domain/agent.js';
import { type PromptDigest, digestOf } from '../domain/prompt-digest.js';
import type { EngineEvent, GenerationRequest, TextGenerator } from '../domain/request.js';
import type { ChatTemplate, KvMover, KvStore, ModelRunner, RunnerOutput, Timer, Tokenizer } from '../ports.js';
import { CacheHistories } from './cache-histories.js';
import type { EngineStatus } from './engine-status.js';
import { EventQueue } from './event-queue.js';
import { Generation } from './generation.js';
import { KeptKv } from './kept-kv.js';
import { type KvLimits, KvMemory } from './kv-memory.js';
import { KvParking, type ParkingLimits } from './kv-parking.js';
import { Meter } from './meter.js';
import { PromptEncoder } from './prompt-encoder.js';
import { Scheduler, type Job, type RunningJob, type SchedulerLimits, type SchedulerPlan } from './scheduler.js';
import type { SchedulerReport, SequenceReport } from './scheduler-report.js';
import { SequenceStarter, type Started } from './sequence-starter.js';
import { sha256 } from './sha256.js';

export interface EngineModel {
  readonly id: string;
  readonly contextLength: number;
  /** What the KV of a sequence takes. */
  readonly cache: ModelCacheSpec;
  /** Of weights, tokenizer, template, positions and KV format: KV of another one is of no use. */
  readonly fingerprint: string;
  readonly runner: ModelRunner & KvMover;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

export interface EngineLimits extends SchedulerLimits, KvLimits {
  readonly parking: ParkingLimits;
  /** Sessions whose last prompt is remembered, to explain misses. */
  readonly maxHistories: number;
  /** Tokens of a prompt after which windowed layers leave a restore point; 0 = only where turns end. */
  readonly restorePointTokens: number;
  /** Events an answer may have unread before its sequence waits for the reader. */
  readonly streamBufferEvents: number;
}

export class Engine implements TextGenerator {
  readonly model: EngineModel;
  readonly kv: KvMemory;
  readonly parking: KvParking;
  readonly histories: CacheHistories;
  readonly kept: KeptKv;
  readonly #limits: EngineLimits;
  readonly #encoder: PromptEncoder;
  readonly #scheduler: Scheduler;
  readonly #starter: SequenceStarter;
  readonly #timer: Timer;
  readonly #meter: Meter;
  readonly #live = new Map<number, Generation>();
  readonly #requests = { submitted: 0, finished: 0, cancelled: 0, failed: 0, refused: 0, preempted: 0 };
  readonly #tokens = { prompt: 0, cached: 0, restored: 0, generated: 0 };
  #steps = 0;
  #stepMillis = 0;
  #nextId = 1;
  #loop: Promise<void> | null = null;
  #closing = false;
  #fault: string | null = null;
  /** Woken when the last generation is gone. */
  readonly #idleWaiters: (() => void)[] = [];

  constructor(model: EngineModel, store: KvStore, timer: Timer, limits: EngineLimits) {
    const { cache, contextLength, fingerprint, runner, template, tokenizer } = model;
    this.model = model;
    this.#limits = limits;
    this.#timer = timer;
    this.#meter = new Meter(timer);
    this.kv = new KvMemory(cache, limits, fingerprint);
    this.parking = new KvParking({ runner, store, cache, pool: this.kv.pool, fingerprint, limits: limits.parking });
    this.histories = new CacheHistories(fingerprint, (ids) => tokenizer.decode(ids, { skipSpecialTokens: false }), limits.maxHistories);
    const { kv, parking, histories } = this;
    this.kept = new KeptKv({ runner, kv, parking, histories, onStored: () => this.#wake() });
    this.#scheduler = new Scheduler(limits, this.kv.pool);
    this.#starter = new SequenceStarter(runner, this.parking);
    const earlierTokens = (ids: Int32Array, request: GenerationRequest): Int32Array | null =>
      this.histories.tokensOf(request) ?? this.kv.retained.find(ids, request)?.entry.tokens ?? null;
    this.#encoder = new PromptEncoder({ template, tokenizer, contextLength, earlierTokens });
  }

  /** Throws (from the first `next`) what is wrong with the request; later errors are the engine's. Aborting ends it within one step. */
  async *submit(request: GenerationRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal } = options;
    this.#assertOpen();
    const prompt = await this.#encoder.encode(request);
    this.#assertOpen();
    if (signal?.aborted === true) throw cancelled();
    const generation = this.#enqueueOrRefuse(request, prompt);
    const abort = (): void => this.#cancel(generation);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield { type: 'queued', promptTokens: prompt.length };
      yield* generation.events;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#cancel(generation);
    }
  }

  status(): EngineStatus {
    const { waiting, running } = this.#scheduler.counts();
    return {
      model: this.model.id,
      contextLength: this.model.contextLength,
      requests: { ...this.#requests },
      tokens: { ...this.#tokens },
      steps: this.#steps,
      waiting,
      running,
      fault: this.#fault,
      parking: { pending: this.parking.pending, lastFailure: this.parking.lastFailure },
      ...this.kv.status(),
    };
  }

  /** What waits and runs, and how fast. */
  scheduling(): SchedulerReport {
    const { maxBatchSequences, maxQueue, prefillChunkTokens: chunk } = this.#limits;
    const { totalBytes, usedBytes, pressure } = this.kv.pool.counts();
    const sequences = [...this.#live.values()].map((generation) => this.#describe(generation));
    return {
      limits: {
        batchWindowMs: 0,
        maxBatchSequences,
        maxQueue,
        maxQueuePerKey: 0,
        maxRunningPerKey: 0,
        prefillChunkTokens: { min: chunk, max: chunk, now: chunk },
      },
      requests: { ...this.#requests },
      tokens: { ...this.#tokens },
      steps: this.#steps,
      stepMillis: this.#stepMillis,
      rates: this.#meter.rates(),
      pool: { totalBytes, usedBytes, pressure },
      sequences: sequences.sort((a, b) => Number(a.state === 'waiting') - Number(b.state === 'waiting')),
    };
  }

  #describe({ id, request, prompt, events, pace, maxTokens, numOutputs }: Generation): SequenceReport {
    const state = this.#scheduler.stateOf(id);
    const job = state === 'waiting' ? null : this.#scheduler.running(id);
    return {
      id,
      agent: agentOfSession(request.sessionId),
      key: request.scope,
      priority: request.priority ?? 'interactive',
      state: state === 'decode' && events.full ? 'held' : state,
      promptTokens: prompt.length,
      cachedTokens: job?.cachedTokens ?? 0,
      kvTokens: job?.numKvTokens ?? 0,
      outputTokens: numOutputs,
      maxTokens,
      tokensPerSecond: pace.tokensPerSecond,
      ageMs: pace.ageMs(this.#timer.now()),
      waitedMs: pace.waitedMs(this.#timer.now()),
      ttftMs: pace.ttftMs,
    };
  }

  /** From now on `submit` throws ShuttingDown; what was admitted goes on. */
  stopAdmitting(): void {
    this.#closing = true;
  }

  /** Resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    while (this.#loop !== null || this.#live.size > 0) {
      await (this.#loop ?? new Promise<void>((resolve) => this.#idleWaiters.push(resolve)));
    }
  }

  /** Ends what still runs, waits for what is being stored, then frees every sequence, the model and the template's worker. */
  async close(): Promise<void> {
    this.stopAdmitting();
    for (const generation of this.#live.values()) this.#cancel(generation);
    await this.drain();
    await this.kept.storeRest();
    await this.kept.release(() => true);
    await this.model.template.close();
    await this.model.runner.unload();
    this.checkIntegrity();
  }

  #enqueueOrRefuse(request: GenerationRequest, prompt: Int32Array): Generation {
    try {
      return this.#enqueue(request, prompt);
    } catch (error) {
      if (error instanceof SemanticError && error.code === 'Overloaded') this.#requests.refused += 1;
      throw error;
    }
  }

  #enqueue(request: GenerationRequest, prompt: Int32Array): Generation {
    const { contextLength, tokenizer } = this.model;
    const room = Math.max(1, Math.min(contextLength, quotaOf(request, prompt)) - prompt.length);
    const maxTokens = Math.min(request.maxTokens ?? room, room);
    const id = this.#nextId++;
    const maxKvTokens = prompt.length + maxTokens;
    this.#scheduler.enqueue({ id, prompt, maxKvTokens, blocks: this.kv.blocksFor(maxKvTokens) });
    const events = new EventQueue<EngineEvent>(this.#limits.streamBufferEvents, () => this.#wake());
    const generation = new Generation({ id, request, prompt, maxTokens, tokenizer, events, now: this.#timer.now() });
    this.#live.set(id, generation);
    this.#requests.submitted += 1;
    this.#wake();
    return generation;
  }

  #cancel(generation: Generation): void {
    if (!this.#live.has(generation.id) || generation.cancelled) return;
    generation.cancelled = true;
    generation.events.close(cancelled());
    this.#wake();
  }

  #wake(): void {
    this.#loop ??= this.#run()
      .catch((error: unknown) => {
        // A failing step is handled where it happens; this is a failure of the loop itself, and nobody may wait for ever.
        for (const generation of [...this.#live.values()]) this.#fail(generation, error);
      })
      .finally(() => {
        this.#loop = null;
        if (this.#hasWork()) this.#wake();
      });
  }

  /** Something changed between the loop's last look and its end. */
  #hasWork(): boolean {
    const someCancelled = [...this.#live.values()].some((generation) => this.#mayGo(generation));
    return someCancelled || this.#nextToAdmit() !== null || this.#plan() !== null;
  }

  /** Not while its sequence is being made. */
  #mayGo({ id, cancelled: isCancelled }: Generation): boolean {
    return isCancelled && !this.#scheduler.isStarting(id);
  }

  #nextToAdmit(): Job | null {
    return this.#scheduler.nextToAdmit((job) => this.kv.canClaim(this.#demand(job)));
  }

  #demand({ id, blocks, prompt }: Job): Parameters<KvMemory['claim']>[0] {
    const { cachePrompt, scope, sessionId } = this.#generation(id).request;
    return { blocks, prompt: cachePrompt ? prompt : null, scope, sessionId };
  }

  #plan(): SchedulerPlan | null {
    return this.#scheduler.next((id) => this.#live.get(id)?.events.full === true);
  }

  async #run(): Promise<void> {
    // One turn of the event loop, so that requests which arrive together are planned together.
    await new Promise((resolve) => setImmediate(resolve));
    for (;;) {
      await this.#sweep();
      await this.#admit();
      const plan = this.#plan();
      if (plan === null) return this.#verifyWhenIdle();
      await this.#step(plan);
    }
  }

  async #sweep(): Promise<void> {
    for (const generation of [...this.#live.values()]) {
      if (!this.#mayGo(generation)) continue;
      this.#requests.cancelled += 1;
      await this.#release(generation);
    }
  }

  async #admit(): Promise<void> {
    for (let job = this.#nextToAdmit(); job !== null; job = this.#nextToAdmit()) {
      const generation = this.#generation(job.id);
      if (generation.cancelled) return; // the next sweep takes it
      try {
        await this.#start(job, generation);
      } catch (error) {
        this.#fail(generation, error);
      }
    }
    const stuck = this.#scheduler.stuck();
    if (stuck !== null && this.parking.pending === 0 && !this.#generation(stuck.id).cancelled) this.#refuse(stuck);
  }

  /** Pinned KV does not make way, and nothing else is left that could. */
  #refuse(job: Job): void {
    const { totalBytes, freeBytes } = this.kv.pool.counts();
    const message = `[engine] wanted ${this.kv.pool.bytesOf(job.blocks)} bytes of KV, ${freeBytes} of ${totalBytes} are free and the rest is pinned`;
    this.#fail(
      this.#generation(job.id),
      new SemanticError('PoolExhausted', message, { hint: 'Unpin an agent, or raise engine.memory_budget_bytes.' }),
    );
  }

  /** Memory is claimed at once; KV that comes from disk is read while others go on. */
  async #start(job: Job, generation: Generation): Promise<void> {
    const { request } = generation;
    const claim = this.kv.claim(this.#demand(job));
    this.#scheduler.admit(job.id, claim.lease);
    const digest = digestOf(request, sha256);
    const fromDisk = this.#starter.planFromDisk(request, job.prompt, claim.reuse);
    const ready = this.#starter.start(request, job.prompt, claim, fromDisk).then((started) => this.#started(generation, started, digest));
    if (fromDisk === null) return ready;
    void ready.catch((error: unknown) => this.#fail(generation, error)).finally(() => this.#wake());
  }

  #started(generation: Generation, { sequence, cachedTokens, source, lost }: Started, digest: PromptDigest): void {
    const { id, prompt, request } = generation;
    const job = this.#scheduler.start(id, sequence, cachedTokens);
    generation.pace.start(this.#timer.now(), this.#meter);
    const { scope, sessionId } = request;
    this.kv.retained.lend({
      scope,
      sessionId,
      sequence,
      tokens: prompt,
      lease: job.lease,
      numKvTokens: () => Math.min(job.numKvTokens, prompt.length),
    });
    this.#tokens.prompt += prompt.length;
    this.#tokens.cached += cachedTokens;
    if (source === 'disk') this.#tokens.restored += cachedTokens;
    const report = this.histories.report(request, { prompt, digest, cachedTokens, source, kept: isKept(request), lost });
    generation.start(report);
  }

  async #step(plan: SchedulerPlan): Promise<void> {
    let output: RunnerOutput;
    try {
      output = await this.model.runner.step(plan);
    } catch (error) {
      // Their KV may hold part of the step: nothing of it is used again.
      for (const { id } of plan.entries) this.#fail(this.#generation(id), error);
      await this.#drop(plan.entries.map(({ sequence }) => sequence));
      return;
    }
    this.#steps += 1;
    this.#measure(plan, output);
    this.#scheduler.commit(
      plan,
      output.samples.map((sample) => sample?.token ?? null),
    );
    await this.#markRestorePoints(plan);
    for (const [i, { id }] of plan.entries.entries()) {
      const sample = output.samples[i] ?? null;
      const generation = this.#generation(id);
      if (sample === null || generation.cancelled) continue;
      this.#tokens.generated += 1;
      generation.pace.token(this.#timer.now(), this.#meter);
      const reason = generation.accept(sample);
      if (reason === null) continue;
      this.#requests.finished += 1;
      await this.#release(generation).finally(() => generation.finish(reason));
    }
  }

  #measure({ entries }: SchedulerPlan, { samples, stepMicros }: RunnerOutput): void {
    const decoded = samples.filter((sample) => sample !== null).length;
    const prefilled = entries.reduce((sum, { tokens, decodes }) => sum + (decodes ? 0 : tokens.length), 0);
    this.#stepMillis += stepMicros / 1000;
    this.#meter.step(stepMicros / 1000, decoded, prefilled);
  }

  async #markRestorePoints({ entries }: SchedulerPlan): Promise<void> {
    const every = this.#limits.restorePointTokens;
    if (!this.model.cache.isWindowed || every === 0) return;
    for (const { id, sequence, tokens, sample } of entries) {
      const { cancelled: isCancelled, prompt, request } = this.#generation(id);
      const { lease, numKvTokens } = this.#scheduler.running(id);
      const passed = Math.floor(numKvTokens / every) > Math.floor((numKvTokens - tokens.length) / every);
      if (sample || !passed || isCancelled || !isKept(request)) continue;
      const { persist, pinned, scope, sessionId } = request;
      const running = { scope, sessionId, sequence, tokens: prompt.subarray(0, numKvTokens), awaitsTool: false, pinned, lease };
      await this.kept.mark(running, persist === 'disk');
    }
  }

  /** The sequence is kept for the next turn, and what is new of it goes to disk; or it is dropped. */
  async #release(generation: Generation): Promise<void> {
    const { request, text } = generation;
    const job = this.#forget(generation);
    if (job === null || job.sequence === null) return;
    const { sequence, numKvTokens, lease } = job;
    const lost = isKept(request) ? null : 'not_kept';
    // The token sampled last has no KV, but the next prompt has it.
    const tokens = generation.tokens(numKvTokens + 1);
    const digest = digestOf({ ...request, messages: [...request.messages, { role: 'assistant', content: text }] }, sha256);
    this.histories.set(request, { tokens, digest, fingerprint: this.model.fingerprint, lost });
    if (!isKept(request) || numKvTokens === 0) {
      this.kv.pool.free(lease);
      return this.#drop([sequence]);
    }
    const { persist, pinned, scope, sessionId, tools } = request;
    const entry = { scope, sessionId, sequence, tokens: generation.tokens(numKvTokens), awaitsTool: tools.length > 0, pinned, lease };
    await this.kept.keep(entry, persist === 'disk');
  }

  #fail(generation: Generation, error: unknown): void {
    const job = this.#forget(generation);
    if (job !== null) this.kv.pool.free(job.lease);
    this.#requests.failed += 1;
    generation.events.close(error);
  }

  #forget(generation: Generation): RunningJob | null {
    this.#live.delete(generation.id);
    if (this.#live.size === 0) this.#idleWaiters.splice(0).forEach((wake) => wake());
    const job = this.#scheduler.remove(generation.id);
    if (typeof job?.sequence === 'number') this.kv.retained.endLending(job.sequence);
    return job;
  }

  /** Bookkeeping that contradicts itself may lead to a wrong token: it is never used again. */
  #verifyWhenIdle(): void {
    if (this.#live.size > 0) return;
    try {
      this.checkIntegrity();
    } catch (error) {
      this.#fault = (error as Error).message;
    }
  }

  /** Throws when the bookkeeping contradicts itself. */
  checkIntegrity(): void {
    this.#scheduler.checkIntegrity();
    this.kv.checkIntegrity(this.#scheduler.counts().running, [...this.parking.leases(), ...this.kept.leases()]);
  }

  async #drop(sequences: readonly number[]): Promise<void> {
    for (const sequence of sequences) await this.model.runner.dropSequence(sequence);
  }

  #generation(id: number): Generation {
    const generation = this.#live.get(id);
    if (generation === undefined) throw new Error(`[engine] job ${id} has no generation`);
    return generation;
  }

  #assertOpen(): void {
    if (this.#fault !== null) throw new SemanticError('Internal', this.#fault, { hint: 'Restart the daemon, and report it with the log.' });
    if (this.#closing)
      throw new SemanticError('ShuttingDown', 'the engine is stopping and admits nothing new', {
        retryAfterSeconds: this.#limits.retryAfterSeconds,
      });
  }
}

function cancelled(): SemanticError {
  return new SemanticError('Cancelled', 'the request was cancelled');
}

/** Throws QuotaExceeded for a prompt that leaves no token to answer with. */
function quotaOf({ quotaTokens }: GenerationRequest, prompt: Int32Array): number {
  if (quotaTokens === null || prompt.length < quotaTokens) return quotaTokens ?? Infinity;
  throw new SemanticError('QuotaExceeded', `[engine] a prompt of ${prompt.length} tokens leaves no room in a quota of ${quotaTokens}`, {
    hint: 'Rewind the agent, fork it from an earlier turn, or raise its quota.',
  });
}

function isKept({ cachePrompt, persist }: GenerationRequest): boolean {
  return cachePrompt && persist !== 'none';
}
