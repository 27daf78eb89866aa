/**
 * The trunk: a request comes in as messages and leaves as events. Each turn of the loop has three beats,
 * plan -> step -> commit. The scheduler decides, the runner computes; neither knows the other.
 */
import type { BlockLease } from '../domain/block-pool.js';
import { SemanticError } from '../domain/errors.js';
import type { ModelCacheSpec } from '../domain/model-cache-spec.js';
import type { EngineEvent, GenerationRequest, TextGenerator } from '../domain/request.js';
import type { ChatTemplate, ModelRunner, RunnerOutput, Tokenizer } from '../ports.js';
import type { EngineStatus } from './engine-status.js';
import { EventQueue } from './event-queue.js';
import { Generation } from './generation.js';
import { type KvLimits, KvMemory } from './kv-memory.js';
import { Scheduler, type Job, type RunningJob, type SchedulerLimits, type SchedulerPlan } from './scheduler.js';

export interface EngineModel {
  readonly id: string;
  readonly contextLength: number;
  /** What the KV of a sequence takes. */
  readonly cache: ModelCacheSpec;
  readonly runner: ModelRunner;
  readonly tokenizer: Tokenizer;
  readonly template: ChatTemplate;
}

export interface EngineLimits extends SchedulerLimits, KvLimits {
  /** Events an answer may have unread before its sequence waits for the reader. */
  readonly streamBufferEvents: number;
}

export class Engine implements TextGenerator {
  readonly model: EngineModel;
  readonly #limits: EngineLimits;
  readonly #kv: KvMemory;
  readonly #scheduler: Scheduler;
  readonly #live = new Map<number, Generation>();
  readonly #requests = { submitted: 0, finished: 0, cancelled: 0, failed: 0 };
  readonly #tokens = { prompt: 0, cached: 0, generated: 0 };
  #steps = 0;
  #nextId = 1;
  #loop: Promise<void> | null = null;
  #closing = false;
  #fault: string | null = null;
  /** Woken when the last generation is gone. */
  readonly #idleWaiters: (() => void)[] = [];

  constructor(model: EngineModel, limits: EngineLimits) {
    this.model = model;
    this.#limits = limits;
    // Within one process and one model its name is fingerprint enough.
    this.#kv = new KvMemory(model.cache, limits, model.id);
    this.#scheduler = new Scheduler(limits, this.#kv.pool);
  }

  /** Throws (from the first `next`) what is wrong with the request; later errors are the engine's. Aborting ends it within one step. */
  async *submit(request: GenerationRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal } = options;
    this.#assertOpen();
    const prompt = await this.#encode(request);
    this.#assertOpen();
    if (signal?.aborted === true) throw cancelled();
    const generation = this.#enqueue(request, prompt);
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
      ...this.#kv.status(),
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

  /** Ends what still runs, then frees every sequence, the model and the template's worker. */
  async close(): Promise<void> {
    this.stopAdmitting();
    for (const generation of this.#live.values()) this.#cancel(generation);
    await this.drain();
    await this.#drop(this.#kv.clear());
    await this.model.template.close();
    await this.model.runner.unload();
    this.#checkIntegrity();
  }

  async #encode(request: GenerationRequest): Promise<Int32Array> {
    const { template, tokenizer, contextLength } = this.model;
    const tools = request.tools.length > 0 ? { tools: request.tools } : {};
    const text = await template.render({ messages: request.messages, ...tools, addGenerationPrompt: true });
    const prompt = tokenizer.encode(text, { addSpecialTokens: false });
    if (prompt.length > contextLength) {
      throw new SemanticError('PromptTooLong', `prompt is too long: ${prompt.length} tokens > ${contextLength} maximum`, {
        param: 'messages',
      });
    }
    if (prompt.length === 0) throw new SemanticError('InvalidRequest', 'the messages render to an empty prompt', { param: 'messages' });
    return prompt;
  }

  #enqueue(request: GenerationRequest, prompt: Int32Array): Generation {
    const { contextLength, tokenizer } = this.model;
    const room = Math.max(1, contextLength - prompt.length);
    const maxTokens = Math.min(request.maxTokens ?? room, room);
    const id = this.#nextId++;
    const maxKvTokens = prompt.length + maxTokens;
    this.#scheduler.enqueue({ id, prompt, maxKvTokens, blocks: this.#kv.blocksFor(maxKvTokens) });
    const events = new EventQueue<EngineEvent>(this.#limits.streamBufferEvents, () => this.#wake());
    const generation = new Generation({ id, request, prompt, maxTokens, tokenizer, events });
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
    const someCancelled = [...this.#live.values()].some((generation) => generation.cancelled);
    return someCancelled || this.#nextToAdmit() !== null || this.#plan() !== null;
  }

  #nextToAdmit(): Job | null {
    return this.#scheduler.nextToAdmit(this.#kv.reclaimable());
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
      if (!generation.cancelled) continue;
      this.#requests.cancelled += 1;
      await this.#release(generation);
    }
  }

  async #admit(): Promise<void> {
    for (let job = this.#nextToAdmit(); job !== null; job = this.#nextToAdmit()) {
      const generation = this.#generation(job.id);
      if (generation.cancelled) return; // the next sweep takes it
      try {
        const { sequence, cachedTokens, lease } = await this.#sequenceFor(job, generation.request);
        this.#scheduler.admit(job.id, sequence, cachedTokens, lease);
        this.#tokens.prompt += job.prompt.length;
        this.#tokens.cached += cachedTokens;
        generation.start(cachedTokens);
      } catch (error) {
        this.#fail(generation, error);
      }
    }
  }

  /** A retained sequence cut to what it shares with the prompt, or a fork of one, or an empty one; retained ones in the way go. */
  async #sequenceFor(job: Job, request: GenerationRequest): Promise<{ sequence: number; cachedTokens: number; lease: BlockLease }> {
    const { runner } = this.model;
    const { lease, reuse, evicted } = this.#kv.claim(job.blocks, request.cachePrompt ? job.prompt : null, request.sessionId);
    try {
      // Before anything goes: its source may have to, and a fork holds on to what they share.
      const fork = reuse?.fork === true ? await runner.forkSequence(reuse.entry.sequence, reuse.sharedTokens, request.sampling) : null;
      await this.#drop(evicted);
      if (fork !== null) return { sequence: fork.sequence, cachedTokens: fork.length, lease };
      if (reuse === null) return { sequence: await runner.createSequence(request.sampling), cachedTokens: 0, lease };
      const { sequence } = reuse.entry;
      const cachedTokens = await runner.truncateSequence(sequence, reuse.sharedTokens);
      await runner.setSampling(sequence, request.sampling);
      return { sequence, cachedTokens, lease };
    } catch (error) {
      this.#kv.pool.free(lease);
      if (reuse?.fork === false) await this.#drop([reuse.entry.sequence]);
      throw error;
    }
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
    this.#scheduler.commit(
      plan,
      output.samples.map((sample) => sample?.token ?? null),
    );
    for (const [i, { id }] of plan.entries.entries()) {
      const sample = output.samples[i] ?? null;
      const generation = this.#generation(id);
      if (sample === null || generation.cancelled) continue;
      this.#tokens.generated += 1;
      const reason = generation.accept(sample);
      if (reason === null) continue;
      this.#requests.finished += 1;
      await this.#release(generation).finally(() => generation.finish(reason));
    }
  }

  /** The sequence is kept for the next turn, or dropped. */
  async #release(generation: Generation): Promise<void> {
    const job = this.#forget(generation);
    if (job === null) return;
    const { sequence, numKvTokens, lease } = job;
    const { cachePrompt, sessionId, tools } = generation.request;
    if (!cachePrompt || numKvTokens === 0) {
      this.#kv.pool.free(lease);
      return this.#drop([sequence]);
    }
    const tokens = generation.tokens(numKvTokens);
    await this.#drop(this.#kv.retain({ sequence, tokens, sessionId, awaitsTool: tools.length > 0, lease }));
  }

  #fail(generation: Generation, error: unknown): void {
    const job = this.#forget(generation);
    if (job !== null) this.#kv.pool.free(job.lease);
    this.#requests.failed += 1;
    generation.events.close(error);
  }

  #forget(generation: Generation): RunningJob | null {
    this.#live.delete(generation.id);
    if (this.#live.size === 0) this.#idleWaiters.splice(0).forEach((wake) => wake());
    return this.#scheduler.remove(generation.id);
  }

  /** Bookkeeping that contradicts itself may lead to a wrong token: it is never used again. */
  #verifyWhenIdle(): void {
    if (this.#live.size > 0) return;
    try {
      this.#checkIntegrity();
    } catch (error) {
      this.#fault = (error as Error).message;
    }
  }

  #checkIntegrity(): void {
    this.#scheduler.checkIntegrity();
    this.#kv.checkIntegrity(this.#scheduler.counts().running);
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
