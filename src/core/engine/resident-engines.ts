/** The engines of the models in memory, by the names they are served under. One answers who names none. */
import type { AgentContext } from '../domain/agent.js';
import { SemanticError } from '../domain/errors.js';
import type { Engine } from './engine.js';
import type { SchedulerLimits } from './scheduler-limits.js';

export class ResidentEngines {
  readonly #engines = new Map<string, Engine>();
  #current: string | null = null;
  /** Changed at run time: models that come have them too. */
  #limits: Partial<SchedulerLimits> = {};

  /** Of one model that stays. */
  static only(engine: Engine): ResidentEngines {
    const engines = new ResidentEngines();
    engines.add(engine.model.id, engine);
    engines.makeCurrent(engine.model.id);
    return engines;
  }

  add(name: string, engine: Engine): void {
    engine.setLimits(this.#limits);
    this.#engines.set(name, engine);
  }

  /** Of all that are there, and of those that come. Throws InvalidRequest for what an engine has set no memory aside for, and then nothing has changed. */
  setLimits(change: Partial<SchedulerLimits>): void {
    for (const engine of this.all()) engine.setLimits(change); // all have the same settings: the first refuses, or none
    this.#limits = { ...this.#limits, ...change };
  }

  remove(name: string): void {
    this.#engines.delete(name);
    if (this.#current === name) this.#current = null;
  }

  makeCurrent(name: string): void {
    if (!this.#engines.has(name)) throw new Error(`[resident_engines] ${name} is not there`);
    this.#current = name;
  }

  /** The one that answers who names none; null while there is none. */
  get current(): Engine | null {
    return this.#current === null ? null : this.#engines.get(this.#current)!;
  }

  /** Throws ModelUnavailable where it is not in memory. */
  get(name: string | undefined): Engine {
    const engine = name === undefined ? this.current : this.#engines.get(name);
    if (engine !== null && engine !== undefined) return engine;
    throw new SemanticError('ModelUnavailable', `[models] ${name ?? 'a model'} is not in memory now`, {
      hint: '`semantic models ls` lists those that are.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }

  /** One that can use KV of this fingerprint. */
  withFingerprint(fingerprint: string): Engine | null {
    return this.all().find(({ model }) => model.fingerprint === fingerprint) ?? null;
  }

  /** One that may have KV of the agent's last turn. */
  holding({ fingerprint, tokens }: AgentContext): Engine | null {
    return tokens.length === 0 ? null : this.withFingerprint(fingerprint);
  }

  all(): readonly Engine[] {
    return [...new Set(this.#engines.values())];
  }
}

const RETRY_AFTER_SECONDS = 2;
