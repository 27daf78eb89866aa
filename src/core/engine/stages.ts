/** The stages of one request, each told when it is over; nothing is told of a request that nobody follows. */
import { agentOfSession } from '../domain/agent.js';
import { codeOf } from '../domain/errors.js';
import type { FinishReason, GenerationRequest } from '../domain/request.js';
import type { RequestStage, StageCounts, StageName } from '../domain/request-stage.js';
import type { EngineObserver, Timer } from '../ports.js';

export interface StagesOptions {
  readonly request: Pick<GenerationRequest, 'sessionId' | 'trace'>;
  readonly generation: number;
  readonly observer: EngineObserver;
  readonly timer: Timer;
  /** By the timer. */
  readonly arrivedAt: number;
}

export class Stages {
  readonly #options: StagesOptions;
  /** Null when all are over. */
  #open: { readonly name: StageName; readonly startMs: number } | null;
  #counts: StageCounts = {};

  /** It begins in the queue. */
  constructor(options: StagesOptions) {
    this.#options = options;
    this.#open = options.request.trace === undefined ? null : { name: 'queue', startMs: options.arrivedAt };
  }

  /** Belongs to the stage that it is in; what is counted twice is added up. */
  count(counts: StageCounts): void {
    if (this.#open === null) return;
    const sums = { ...this.#counts } as Record<string, number>;
    for (const [name, value] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + (value as number);
    this.#counts = sums;
  }

  /** The one before is over. */
  enter(name: StageName): void {
    if (this.#open === null) return;
    const startMs = this.#tell('ok', null);
    this.#open = { name, startMs };
  }

  finish(reason: FinishReason): void {
    if (this.#open !== null) this.#tell('ok', reason);
  }

  fail(error: unknown): void {
    if (this.#open !== null) this.#tell(codeOf(error), null);
  }

  /** When it was over. */
  #tell(outcome: RequestStage['outcome'], reason: FinishReason | null): number {
    const { request, generation, observer, timer } = this.#options;
    const endMs = timer.now();
    const agent = agentOfSession(request.sessionId);
    observer.stage({ trace: request.trace!, ...this.#open!, endMs, generation, agent, counts: this.#counts, reason, outcome });
    this.#open = null;
    this.#counts = {};
    return endMs;
  }
}
