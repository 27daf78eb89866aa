/** The trunk: a request comes in as messages and leaves as events. What happens in between is the step loop's. */
import { agentOfSession } from '../domain/agent.js';
import { codeOf, type ErrorCode, SemanticError } from '../domain/errors.js';
import type { EngineEvent, GenerationRequest, TextGenerator } from '../domain/request.js';
import { type EngineObserver, type KvStore, NO_OBSERVER, type Timer, type TokenConstraint } from '../ports.js';
import { Admission } from './admission.js';
import { CacheHistories } from './cache-histories.js';
import { Departures } from './departures.js';
import type { EngineLimits, EngineModel, EngineParts } from './engine-parts.js';
import type { EngineStatus } from './engine-status.js';
import { EventQueue } from './event-queue.js';
import { Generation } from './generation.js';
import { JobStarter } from './job-starter.js';
import { KeptKv } from './kept-kv.js';
import { KvMemory } from './kv-memory.js';
import { KvParking } from './kv-parking.js';
import { cancellation, LiveRequests } from './live-requests.js';
import { Meter } from './meter.js';
import { type EncodedPrompt, PromptEncoder, type PromptSource } from './prompt-encoder.js';
import { Scheduler } from './scheduler.js';
import type { SchedulerLimits } from './scheduler-limits.js';
import type { SchedulerReport, SequenceReport } from './scheduler-report.js';
import { Stages } from './stages.js';
import { StepLoop } from './step-loop.js';

export class Engine implements TextGenerator {
  readonly model: EngineModel;
  readonly kv: KvMemory;
  readonly parking: KvParking;
  readonly histories: CacheHistories;
  readonly kept: KeptKv;
  readonly #parts: EngineParts;
  readonly #encoder: PromptEncoder;
  readonly #admission: Admission;
  readonly #loop: StepLoop;
  /** Why nothing is admitted any more. */
  #closed: SemanticError | null = null;
  #fault: string | null = null;

  constructor(model: EngineModel, store: KvStore, timer: Timer, limits: EngineLimits, observer: EngineObserver = NO_OBSERVER) {
    const { cache, contextLength, fingerprint, runner, template, tokenizer } = model;
    const wake = (): void => this.#loop.wake();
    this.model = model;
    this.kv = new KvMemory(cache, limits, fingerprint, observer);
    this.parking = new KvParking({ runner, store, cache, pool: this.kv.pool, fingerprint, limits: limits.parking, observer });
    this.histories = new CacheHistories(fingerprint, (ids) => tokenizer.decode(ids, { skipSpecialTokens: false }), limits.maxHistories);
    const { kv, parking, histories } = this;
    this.kept = new KeptKv({ runner, kv, parking, histories, onStored: wake });
    const scheduler = new Scheduler(limits.scheduler);
    const [live, meter] = [new LiveRequests(), new Meter(timer, observer)];
    this.#parts = { model, limits, kv, kept: this.kept, parking, histories, scheduler, live, timer, meter, observer, wake };
    this.#admission = new Admission({ scheduler, kv, live, meter });
    const departures = new Departures(this.#parts);
    const starter = new JobStarter(this.#parts, departures);
    this.#loop = new StepLoop(this.#parts, departures, starter, () => this.#verifyWhenIdle());
    const earlierTokens = (ids: Int32Array, request: GenerationRequest): Int32Array | null =>
      this.histories.tokensOf(request) ?? this.kv.retained.find(ids, request)?.entry.tokens ?? null;
    this.#encoder = new PromptEncoder({ template, tokenizer, contextLength, earlierTokens });
  }

  /**
   * Throws (from the first `next`) what is wrong with the request; later errors are the engine's. Aborting ends it within one step, with
   * the signal's reason where that is a SemanticError.
   */
  async *submit(request: GenerationRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const { observer, timer } = this.#parts;
    const since = timer.now();
    let [isQueued, outcome]: [boolean, 'ok' | ErrorCode] = [false, 'Cancelled']; // where its reader goes away nothing is thrown
    try {
      for await (const event of this.#answer(request, options)) {
        isQueued = true;
        if (event.type === 'started') observer.started(event.cache);
        if (event.type === 'finished') outcome = 'ok';
        if (event.type !== 'token') request.witness?.(request, event);
        yield event;
      }
    } catch (error) {
      outcome = codeOf(error);
      throw error;
    } finally {
      observer.ended(outcome, timer.now() - since, !isQueued);
    }
  }

  async *#answer(request: GenerationRequest, options: { readonly signal?: AbortSignal }): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal } = options;
    this.#assertOpen();
    this.#assertPossible(request);
    const arrivedAt = this.#parts.timer.now();
    const leave = this.#counted(() => this.#admission.enter(request.scope));
    let generation: Generation;
    let prompt: EncodedPrompt;
    try {
      this.#announce(request);
      prompt = await this.#encoder.encode(request);
      const compiled = request.constraint === undefined ? null : await this.model.constraints.compile(request.constraint);
      this.#assertOpen();
      if (signal?.aborted === true) throw cancellation(signal);
      const constraint = compiled?.start() ?? null;
      generation = this.#counted(() => this.#enqueue(request, prompt.ids, constraint, arrivedAt));
    } finally {
      leave();
    }
    const abort = (): void => this.#cancel(generation, cancellation(signal));
    signal?.addEventListener('abort', abort, { once: true });
    try {
      yield { type: 'queued', promptTokens: prompt.ids.length, promptEnd: prompt.end };
      yield* generation.events;
    } finally {
      signal?.removeEventListener('abort', abort);
      this.#cancel(generation, cancellation());
    }
  }

  /** Tokens of a prompt, whether or not the context has room for them. Throws TemplateFailed. */
  async countTokens(source: PromptSource): Promise<number> {
    this.#assertOpen();
    return this.#encoder.count(source);
  }

  status(): EngineStatus {
    const { live, scheduler } = this.#parts;
    const { waiting, running } = scheduler.counts();
    return {
      model: this.model.id,
      contextLength: this.model.contextLength,
      ...live.counts(),
      waiting,
      running,
      fault: this.#fault,
      parking: { pending: this.parking.pending, lastFailure: this.parking.lastFailure },
      ...this.kv.status(),
    };
  }

  /** What waits and runs, and how fast. */
  scheduling(): SchedulerReport {
    const { live, meter, scheduler } = this.#parts;
    const { totalBytes, usedBytes, pressure } = this.kv.pool.counts();
    const sequences = live.all().map((generation) => this.#describe(generation));
    const isWaiting = ({ state }: SequenceReport): number => Number(state === 'waiting' || state === 'preempted');
    return {
      limits: scheduler.limits,
      prefillChunkTokens: scheduler.prefillChunk(),
      projectedDelayMs: this.#admission.delayMs(),
      ...live.counts(),
      stepMillis: live.stepMillis,
      rates: meter.rates(),
      pool: { totalBytes, usedBytes, pressure },
      sequences: sequences.sort((a, b) => isWaiting(a) - isWaiting(b)),
    };
  }

  /** From the next step on. Throws InvalidRequest for limits that contradict each other, or memory that was set aside. */
  setLimits(change: Partial<SchedulerLimits>): void {
    const { limits, scheduler, wake } = this.#parts;
    const changed = { ...scheduler.limits, ...change };
    const { minPrefillTokens: min, maxPrefillTokens: max } = changed;
    const most = limits.scheduler.maxPrefillTokens;
    if (min > max || max > most) {
      const param = 'prefill_chunk_tokens';
      const message = `${param}: wanted min <= max <= ${most}, for which the engine has set memory aside, got ${min} and ${max}`;
      throw new SemanticError('InvalidRequest', message, { param });
    }
    scheduler.setLimits(changed);
    wake();
  }

  /** What the session had read and written is probably the start of its prompt. */
  #announce(request: GenerationRequest): void {
    const tokens = request.cachePrompt ? this.histories.tokensOf(request) : null;
    if (tokens === null) return;
    const inMemory = this.kv.retained.find(tokens, request)?.sharedTokens ?? 0;
    this.parking.announce(tokens, request.scope, inMemory);
  }

  /** From now on `submit` throws `reason`, or else ShuttingDown; what was admitted goes on. */
  stopAdmitting(reason: SemanticError = this.#shuttingDown('the engine is stopping and admits nothing new')): void {
    this.#closed ??= reason;
  }

  /** It was to be closed, and goes on after all. */
  admitAgain(): void {
    this.#closed = null;
  }

  /** Resolves when nothing waits or runs. */
  async drain(): Promise<void> {
    const { live } = this.#parts;
    while (this.#loop.isRunning || live.size > 0) {
      await (this.#loop.isRunning ? this.#loop.settled() : live.whenEmpty());
    }
  }

  /** Ends what still runs, with `reason`; waits for what is being stored, then frees every sequence, the model and the template's worker. */
  async close(reason: SemanticError = this.#shuttingDown('the daemon stopped before the answer was complete')): Promise<void> {
    this.stopAdmitting(reason);
    await this.end(reason);
    await this.kept.storeRest();
    await this.kept.release(() => true);
    await this.model.template.close();
    await this.model.runner.unload();
    this.checkIntegrity();
  }

  /** Ends all that waits or runs. */
  async end(reason: SemanticError): Promise<void> {
    for (const generation of this.#parts.live.all()) this.#cancel(generation, reason);
    await this.drain();
  }

  /** Throws when the bookkeeping contradicts itself. */
  checkIntegrity(): void {
    const { scheduler } = this.#parts;
    scheduler.checkIntegrity();
    this.kv.checkIntegrity(scheduler.counts().running, [...this.parking.leases(), ...this.kept.leases()]);
  }

  #enqueue(request: GenerationRequest, prompt: Int32Array, constraint: TokenConstraint | null, arrivedAt: number): Generation {
    const { limits, live, observer, scheduler, timer, wake } = this.#parts;
    const { contextLength, tokenizer } = this.model;
    const room = Math.max(1, Math.min(contextLength, quotaOf(request, prompt)) - prompt.length);
    const maxTokens = Math.min(request.maxTokens ?? room, room);
    const maxKvTokens = prompt.length + maxTokens;
    this.#admission.assertWorthQueueing(maxKvTokens);
    const { scope: key, sessionId, priority = 'interactive' } = request;
    const id = live.nextId();
    const events = new EventQueue<EngineEvent>(limits.streamBufferEvents, wake);
    const stages = new Stages({ request, generation: id, observer, timer, arrivedAt });
    const generation = new Generation({ id, request, prompt, maxTokens, tokenizer, constraint, events, stages, arrivedAt });
    live.add(generation);
    scheduler.enqueue({ id, prompt, maxKvTokens, key, flow: sessionId ?? '', priority, arrivedAt });
    wake();
    return generation;
  }

  /** An answer as long as the context could never be given; one that is merely too long after its prompt is cut. */
  #assertPossible({ maxTokens }: GenerationRequest): void {
    const { contextLength } = this.model;
    if (maxTokens === null || maxTokens <= contextLength) return;
    const message = `max_tokens: wanted at most ${contextLength}, the context of the model, got ${maxTokens}`;
    throw new SemanticError('InvalidRequest', message, {
      param: 'max_tokens',
      hint: 'Leave it out to get all that the context has room for.',
    });
  }

  #cancel(generation: Generation, reason: SemanticError): void {
    if (!this.#parts.live.cancel(generation, reason)) return;
    generation.stages.fail(reason);
    this.#parts.wake();
  }

  #counted<T>(admit: () => T): T {
    try {
      return admit();
    } catch (error) {
      if (error instanceof SemanticError && (error.code === 'Overloaded' || error.code === 'KeyOverLimit'))
        this.#parts.live.requests.refused += 1;
      throw error;
    }
  }

  #describe({ id, request, prompt, events, pace, maxTokens, numOutputs }: Generation): SequenceReport {
    const { scheduler, timer } = this.#parts;
    const state = scheduler.stateOf(id);
    const job = state === 'waiting' || state === 'preempted' ? null : scheduler.running(id);
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
      ageMs: pace.ageMs(timer.now()),
      waitedMs: pace.waitedMs(timer.now()),
      ttftMs: pace.ttftMs,
    };
  }

  /** Bookkeeping that contradicts itself may lead to a wrong token: it is never used again. */
  #verifyWhenIdle(): void {
    if (this.#parts.live.size > 0) return;
    try {
      this.checkIntegrity();
    } catch (error) {
      this.#fault = (error as Error).message;
    }
  }

  #assertOpen(): void {
    if (this.#fault !== null) throw new SemanticError('Internal', this.#fault, { hint: 'Restart the daemon, and report it with the log.' });
    if (this.#closed !== null) throw this.#closed;
  }

  #shuttingDown(what: string): SemanticError {
    return new SemanticError('ShuttingDown', what, { retryAfterSeconds: this.#parts.scheduler.limits.retryAfterSeconds });
  }
}

/** Throws QuotaExceeded for a prompt that leaves no token to answer with. */
function quotaOf({ quotaTokens }: GenerationRequest, prompt: Int32Array): number {
  if (quotaTokens === null || prompt.length < quotaTokens) return quotaTokens ?? Infinity;
  throw new SemanticError('QuotaExceeded', `[engine] a prompt of ${prompt.length} tokens leaves no room in a quota of ${quotaTokens}`, {
    hint: 'Rewind the agent, fork it from an earlier turn, or raise its quota.',
  });
}
