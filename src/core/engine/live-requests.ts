/** Requests between their arrival and their end, and what became of all there were. */
import { SemanticError } from '../domain/errors.js';
import type { EngineCounts } from './engine-status.js';
import type { Generation } from './generation.js';

export class LiveRequests {
  readonly #generations = new Map<number, Generation>();
  readonly #emptyWaiters: (() => void)[] = [];
  readonly requests = { submitted: 0, finished: 0, cancelled: 0, failed: 0, refused: 0, preempted: 0 };
  readonly tokens = { prompt: 0, cached: 0, restored: 0, generated: 0 };
  steps = 0;
  /** Of wall time that steps took inside the runner. */
  stepMillis = 0;
  #nextId = 1;

  counts(): EngineCounts {
    return { requests: { ...this.requests }, tokens: { ...this.tokens }, steps: this.steps };
  }

  get size(): number {
    return this.#generations.size;
  }

  nextId(): number {
    return this.#nextId++;
  }

  add(generation: Generation): void {
    this.#generations.set(generation.id, generation);
    this.requests.submitted += 1;
  }

  get(id: number): Generation {
    const generation = this.#generations.get(id);
    if (generation === undefined) throw new Error(`[engine] job ${id} has no generation`);
    return generation;
  }

  has(id: number): boolean {
    return this.#generations.has(id);
  }

  all(): readonly Generation[] {
    return [...this.#generations.values()];
  }

  /** Its reader is told at once; the loop lets it go before its next step. False where it was over already. */
  cancel(generation: Generation, reason: unknown): boolean {
    if (!this.has(generation.id) || generation.cancelled) return false;
    generation.cancelled = true;
    generation.events.close(reason);
    return true;
  }

  delete(id: number): void {
    this.#generations.delete(id);
    if (this.size === 0) this.#emptyWaiters.splice(0).forEach((wake) => wake());
  }

  whenEmpty(): Promise<void> {
    return this.size === 0 ? Promise.resolve() : new Promise((resolve) => this.#emptyWaiters.push(resolve));
  }
}

/** What an aborted request ends with: the signal's reason where that is an error of ours, such as a deadline. */
export function cancellation(signal?: AbortSignal): SemanticError {
  return signal?.reason instanceof SemanticError ? signal.reason : new SemanticError('Cancelled', 'the request was cancelled');
}
