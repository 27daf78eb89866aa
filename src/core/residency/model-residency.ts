/**
 * Which models are in memory: one is current and answers who names none, others may be there beside it. One thing at a time is loaded, unloaded or
 * exchanged; requests that need what comes wait for it. Agents belong to no model: they meet each one that comes.
 */
import { SemanticError } from '../domain/errors.js';
import type { TraceParent } from '../domain/trace-parent.js';
import type { Agents } from '../engine/agents.js';
import type { ResidentEngines } from '../engine/resident-engines.js';
import type { Timer } from '../ports.js';
import { divideMemory } from './divide-memory.js';
import { exchange } from './exchange.js';
import { drained } from './drained.js';
import { isBeingExchanged, isNotInMemory, isPinned, mayNotCome, noCurrent, noPlace, wasUnloaded } from './residency-errors.js';
import type { Host, ModelLoader, ModelNames, ModelUseLog, PreparedModel, ResidentModel } from './resident-model.js';
import { SwapJob, type SwapReport } from './swap-report.js';
import { type WaitingLimits, WaitingRoom } from './waiting-room.js';

export interface ResidencyLimits extends WaitingLimits {
  readonly maxResident: number;
  /** A request for a model that is installed and not in memory brings it there. */
  readonly autoload: boolean;
  /** A model that nobody used for so long leaves; 0 = none does. */
  readonly ttlMs: number;
  /** How long running answers may take to end before their model leaves. */
  readonly drainMs: number;
}

export interface ResidencyOptions {
  readonly loader: ModelLoader;
  readonly names: ModelNames;
  readonly engines: ResidentEngines;
  readonly agents: Pick<Agents, 'meet' | 'saveRest'>;
  readonly timer: Timer;
  readonly limits: ResidencyLimits;
  readonly use?: ModelUseLog;
  /** Told of an exchange that is over now, and of the request it was made for. */
  readonly exchanged?: (report: SwapReport, trace: TraceParent | undefined) => void;
  /** Called when a model has left memory, and before another one comes: tokenizer and template are garbage then. */
  readonly released?: () => void;
  /** Told what an operator should know. */
  readonly log: (message: string) => void;
}

export interface ResidentView {
  readonly name: string;
  readonly isCurrent: boolean;
  readonly isPinned: boolean;
  /** It is on its way out, and admits nothing new. */
  readonly isLeaving: boolean;
  readonly idleMs: number;
  readonly model: ResidentModel;
}

/** Reports of so many exchanges are kept. */
const MAX_JOBS = 32;

export class ModelResidency {
  readonly #options: ResidencyOptions;
  readonly #hosts = new Map<string, Host>();
  readonly #room: WaitingRoom;
  readonly #jobs = new Map<string, SwapJob>();
  /** The one that answers who names none, or is to do so as soon as it is there. */
  #current: string;
  /** What is being loaded, unloaded or exchanged. */
  #busy: Promise<unknown> | null = null;
  #swapping: SwapJob | null = null;
  readonly #closing = new AbortController();

  constructor(first: string, options: ResidencyOptions) {
    this.#current = first;
    this.#options = options;
    this.#room = new WaitingRoom(options.timer, options.limits);
  }

  /** The name of the one that answers who names none. */
  get currentName(): string {
    return this.#current;
  }

  /** In memory now, the current one first. */
  list(): readonly ResidentView[] {
    const now = this.#options.timer.now();
    const views = [...this.#hosts].map(([name, { model, pinned, leaving, usedAt }]) => ({
      name,
      isCurrent: name === this.#current,
      isPinned: pinned,
      isLeaving: leaving,
      idleMs: isIdle(model) ? now - usedAt : 0,
      model,
    }));
    return views.sort((a, b) => Number(b.isCurrent) - Number(a.isCurrent));
  }

  /** The model's own name, whether it is in memory or not. Throws ModelNotFound. */
  nameOf(wanted: string): string {
    return this.#options.names.resolve(wanted);
  }

  /** In memory under this name. Throws ModelNotFound. */
  find(wanted: string): ResidentModel {
    const name = this.#options.names.resolve(wanted);
    const host = this.#hosts.get(name);
    if (host === undefined) throw this.#notThere(wanted, name);
    return host.model;
  }

  /** `ready`, or why requests have to wait. */
  get state(): 'ready' | 'swapping' | 'empty' {
    const host = this.#hosts.get(this.#current);
    if (host !== undefined && !host.leaving) return 'ready';
    return this.#busy === null && !this.#options.limits.autoload ? 'empty' : 'swapping';
  }

  get waiting(): number {
    return this.#room.size;
  }

  /**
   * The model of this name, in memory; null = the current one. Waits while one is exchanged, and for one that is loaded for it. Throws
   * ModelNotFound for a name that is not known, or that is not in memory and may not be loaded; ModelUnavailable where it cannot wait.
   * `trace`: of the request it is for.
   */
  async acquire(wanted: string | null, signal?: AbortSignal, trace?: TraceParent): Promise<ResidentModel> {
    for (;;) {
      const name = wanted === null ? this.#current : this.#options.names.resolve(wanted);
      const host = this.#hosts.get(name);
      if (host !== undefined && !host.leaving) {
        host.usedAt = this.#options.timer.now();
        this.#options.use?.used(name);
        return host.model;
      }
      if (this.#busy !== null) await this.#room.until(this.#busy, signal);
      else if (this.#options.limits.autoload && !this.#closing.signal.aborted) await this.#autoload(name, signal, trace);
      else throw this.#notThere(wanted, name);
    }
  }

  /** The first of the process. */
  async start(): Promise<ResidentModel> {
    return this.#alone(async () => {
      const model = await this.#bring(await this.#options.loader.prepare(this.#current));
      this.#options.engines.makeCurrent(this.#current);
      return model;
    });
  }

  /** Brings a model into memory beside what is there; nothing happens where it is. Throws ModelConflict where there is no place for it. */
  async load(wanted: string): Promise<ResidentModel> {
    const name = this.#options.names.resolve(wanted);
    return this.#alone(async () => this.#hosts.get(name)?.model ?? this.#loadBeside(name));
  }

  /** Takes a model out of memory: its answers may end until the deadline. Throws ModelConflict for a pinned one. */
  async unload(wanted: string): Promise<void> {
    const name = this.#options.names.resolve(wanted);
    await this.#alone(async () => {
      const host = this.#host(name);
      if (host.pinned) throw isPinned(name);
      await this.#remove(name, host);
    });
  }

  /** A pinned model is not unloaded for another one, and not for want of use. Returns its name. */
  pin(wanted: string, pinned: boolean): string {
    const name = this.#options.names.resolve(wanted);
    this.#host(name).pinned = pinned;
    return name;
  }

  /** Begins to exchange the current model for another one, which is current when it is there. Throws ModelConflict while another exchange goes on. */
  swap(wanted: string, drainMs = this.#options.limits.drainMs, trace?: TraceParent): SwapJob {
    const name = this.#options.names.resolve(wanted);
    this.#assertOpen();
    if (this.#swapping !== null && !this.#swapping.isOver) throw isBeingExchanged(this.#swapping);
    const before = this.#hosts.get(this.#current) ?? null;
    if (before?.pinned === true && name !== this.#current) throw isPinned(this.#current);
    const job = new SwapJob(before === null ? null : this.#current, name, this.#options.timer);
    this.#remember(job);
    this.#swapping = job;
    void this.#alone(() => this.#exchange(job, drainMs))
      .catch((error: unknown) => job.isOver || job.fail(error, this.state === 'ready' ? 'rolled_back' : 'failed'))
      .finally(() => this.#options.exchanged?.(job.report(), trace));
    return job;
  }

  /** Undefined where there is none, or it was long ago. */
  swapJob(id: string): SwapJob | undefined {
    return this.#jobs.get(id);
  }

  swaps(): readonly SwapReport[] {
    return Array.from(this.#jobs.values(), (job) => job.report());
  }

  /** Lets go of models that nobody used for long: all that are not pinned where they come back by themselves, else all but the current one. */
  async sweep(): Promise<void> {
    const { ttlMs, autoload } = this.#options.limits;
    if (ttlMs === 0 || this.#busy !== null) return;
    for (const view of this.list()) {
      const { name, isCurrent, idleMs } = view;
      if (view.isPinned || idleMs < ttlMs || (isCurrent && !autoload)) continue;
      await this.#alone(async () => {
        const host = this.#hosts.get(name);
        if (host !== undefined && isIdle(host.model)) await this.#remove(name, host);
      });
    }
  }

  /** From now on no engine admits anything, and nothing is loaded any more. */
  stopAdmitting(): void {
    this.#closing.abort();
    for (const { model } of this.#hosts.values()) model.engine.stopAdmitting();
  }

  /** Resolves when no engine has anything waiting or running. */
  async drain(): Promise<void> {
    await Promise.all(this.list().map(({ model }) => model.engine.drain()));
  }

  /** Ends what still runs and takes all models out of memory; what is being exchanged comes to its end first. */
  async close(): Promise<void> {
    this.stopAdmitting();
    while (this.#busy !== null) await this.#busy.catch(() => undefined);
    for (const { model } of this.list()) await model.engine.close();
  }

  async #exchange(job: SwapJob, drainMs: number): Promise<void> {
    const { loader, engines, agents, timer, log } = this.#options;
    await exchange(job, {
      before: this.#hosts.get(job.from ?? '') ?? null,
      prepare: (name) => this.#prepared(name, this.#modelsBut(job.from)),
      isThere: (name) => this.#hosts.has(name),
      bring: async (prepared) => void (await this.#bring(prepared)),
      divideAnew: () => this.#divideAnew(),
      forget: (name) => this.#forget(name),
      rename: (from, to) => this.#rename(from, to),
      makeCurrent: (name) => {
        this.#current = name;
        engines.makeCurrent(name);
      },
      saveAgents: () => agents.saveRest(),
      memory: () => loader.memory(),
      released: () => this.#options.released?.(),
      drainMs,
      timer,
      closing: this.#closing.signal,
      log,
    });
  }

  /** Throws what keeps it from being loaded beside `staying` before anything is done for it. */
  async #prepared(name: string, staying: readonly ResidentModel[]): Promise<PreparedModel> {
    const prepared = await this.#options.loader.prepare(name);
    await prepared.check(staying);
    return prepared;
  }

  #modelsBut(name: string | null): readonly ResidentModel[] {
    return [...this.#hosts.values()].filter(({ model }) => model.name !== name).map(({ model }) => model);
  }

  async #autoload(name: string, signal: AbortSignal | undefined, trace: TraceParent | undefined): Promise<void> {
    const { maxResident } = this.#options.limits;
    const isExchange = this.#hosts.size >= maxResident && this.#leastUsed() === null;
    const done = isExchange ? followed(this.swap(name, undefined, trace)) : this.load(name);
    done.catch(() => undefined); // whoever waits is told below
    await this.#room.until(done, signal);
    await done;
  }

  async #loadBeside(name: string): Promise<ResidentModel> {
    const { maxResident } = this.#options.limits;
    const prepared = await this.#prepared(name, this.#modelsBut(this.#hosts.size < maxResident ? null : this.#leastUsed()));
    while (this.#hosts.size >= maxResident) {
      const victim = this.#leastUsed();
      if (victim === null) throw noPlace(maxResident);
      await this.#remove(victim, this.#hosts.get(victim)!);
    }
    const model = await this.#bring(prepared);
    if (!this.#hosts.has(this.#current)) this.#current = model.name;
    this.#options.engines.makeCurrent(this.#current);
    return model;
  }

  /** Of those that may go for another one: not the current one, none that is pinned or at work. */
  #leastUsed(): string | null {
    const mayGo = this.list().filter((view) => !view.isCurrent && !view.isPinned && isIdle(view.model));
    return mayGo.sort((a, b) => b.idleMs - a.idleMs)[0]?.name ?? null;
  }

  /** Loads it, and gives it its part of the memory. */
  async #bring(prepared: PreparedModel): Promise<ResidentModel> {
    const { loader, engines, agents, timer, use } = this.#options;
    const others = this.#modelsBut(null);
    const weights = others.map(({ weightBytes }) => weightBytes);
    if (others.length > 0) await divideMemory(others, loader.kvShare([...weights, prepared.weightBytes]));
    try {
      const model = await prepared.load((weightBytes) => loader.kvShare([...weights, weightBytes]));
      this.#hosts.set(model.name, { model, pinned: false, leaving: false, usedAt: timer.now() });
      engines.add(model.name, model.engine);
      use?.loaded(model.name, model.engine.model.fingerprint);
      agents.meet(model.engine);
    } catch (error) {
      await this.#divideAnew();
      throw error;
    }
    await this.#divideAnew(); // the weights may take other bytes than their files
    return this.#hosts.get(prepared.name)!.model;
  }

  async #remove(name: string, host: Host): Promise<void> {
    const { agents, limits, timer } = this.#options;
    host.leaving = true;
    const left = wasUnloaded(name, limits.retryAfterSeconds);
    const { engine } = host.model;
    engine.stopAdmitting(left);
    await drained(engine, limits.drainMs, timer, this.#closing.signal);
    await engine.end(left);
    await agents.saveRest();
    this.#forget(name);
    await engine.close(left);
    this.#options.released?.();
    await this.#divideAnew();
  }

  #forget(name: string): void {
    this.#hosts.delete(name);
    this.#options.engines.remove(name);
  }

  /** The same model under another name: nothing has to be loaded, and what runs goes on. */
  #rename(from: string, to: string): void {
    const host = this.#hosts.get(from)!;
    this.#forget(from);
    this.#hosts.set(to, { ...host, model: { ...host.model, name: to } });
    this.#options.engines.add(to, host.model.engine);
  }

  async #divideAnew(): Promise<void> {
    const models = this.#modelsBut(null);
    if (models.length > 0) await divideMemory(models, this.#options.loader.kvShare(models.map(({ weightBytes }) => weightBytes)));
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host !== undefined) return host;
    throw isNotInMemory(name);
  }

  /** After what goes on now. */
  async #alone<T>(work: () => Promise<T>): Promise<T> {
    while (this.#busy !== null) await this.#busy.catch(() => undefined);
    this.#assertOpen();
    const running = work();
    this.#busy = running;
    try {
      return await running;
    } finally {
      if (this.#busy === running) this.#busy = null;
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted)
      throw new SemanticError('ShuttingDown', '[models] the daemon is stopping', {
        retryAfterSeconds: this.#options.limits.retryAfterSeconds,
      });
  }

  #remember(job: SwapJob): void {
    this.#jobs.set(job.id, job);
    if (this.#jobs.size > MAX_JOBS) this.#jobs.delete(this.#jobs.keys().next().value!);
  }

  #notThere(wanted: string | null, name: string): SemanticError {
    const isCurrent = wanted === null || name === this.#current;
    return isCurrent ? noCurrent(name, this.#options.limits.retryAfterSeconds) : mayNotCome(name);
  }
}

/** Nothing waits or runs. */
function isIdle({ engine }: ResidentModel): boolean {
  const { waiting, running } = engine.status();
  return waiting + running === 0;
}

async function followed(job: SwapJob): Promise<void> {
  for await (const _ of job.follow());
  if (job.state !== 'done') throw job.error;
}
