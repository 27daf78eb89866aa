/**
 * Jobs that wait, and which is next. Interactive ones come before batch ones; within a class the API key that had least service, of its
 * agents the one that had least, and of its jobs the oldest. Whoever has waited long enough gets every second turn, the oldest first, so
 * that nobody waits for ever. It knows no clock: times come from the caller.
 */
import { FairShare } from './fair-share.js';
import type { Priority } from './priority.js';

export interface QueuedJob {
  readonly id: number;
  /** Scope of its API key. */
  readonly key: string;
  /** Its agent or session within the key; '' = none. */
  readonly flow: string;
  readonly priority: Priority;
  /** Milliseconds. */
  readonly arrivedAt: number;
  /** It ran before and made way: it goes before others of its class. */
  readonly isPreempted: boolean;
}

export class FairQueue<T extends QueuedJob> {
  readonly #waiting = new Map<number, T>();
  readonly #keys = new FairShare();
  /** Of each key its flows. */
  readonly #flows = new Map<string, FairShare>();
  #agedTurn = false;

  get size(): number {
    return this.#waiting.size;
  }

  values(): Iterable<T> {
    return this.#waiting.values();
  }

  get(id: number): T | null {
    return this.#waiting.get(id) ?? null;
  }

  /** A job takes part from its arrival until `leave`, while it waits and while it runs. */
  join({ key, flow }: QueuedJob): void {
    this.#keys.join(key);
    const flows = this.#flows.get(key) ?? new FairShare();
    this.#flows.set(key, flows);
    flows.join(flow);
  }

  leave({ key, flow }: QueuedJob): void {
    this.#keys.leave(key);
    const flows = this.#flows.get(key)!;
    flows.leave(flow);
    if (flows.size === 0) this.#flows.delete(key);
  }

  /** The job had so much service. */
  serve({ key, flow }: QueuedJob, cost: number): void {
    this.#keys.serve(key, cost);
    this.#flows.get(key)?.serve(flow, cost);
  }

  push(job: T): void {
    this.#waiting.set(job.id, job);
  }

  remove(id: number): T | null {
    const job = this.#waiting.get(id) ?? null;
    this.#waiting.delete(id);
    return job;
  }

  /** Takes out what `next` gave: its turn is over. */
  take(job: T, now: number, ageingMs: number): void {
    this.#waiting.delete(job.id);
    this.#agedTurn = !(this.#agedTurn && isAged(job, now, ageingMs));
  }

  /**
   * The job whose turn it is, of keys that have a slot and of jobs that `mayRun`, which are asked in order until one may. Never mutates.
   */
  next(now: number, ageingMs: number, keyHasSlot: (key: string) => boolean, mayRun: (job: T) => boolean): T | null {
    let left = [...this.#waiting.values()].filter(({ key }) => keyHasSlot(key));
    while (left.length > 0) {
      const job = this.#first(left, now, ageingMs);
      if (mayRun(job)) return job;
      left = left.filter((other) => other !== job);
    }
    return null;
  }

  #first(jobs: readonly T[], now: number, ageingMs: number): T {
    if (this.#agedTurn) {
      const aged = jobs.filter((job) => isAged(job, now, ageingMs));
      if (aged.length > 0) return least(aged, () => 0);
    }
    const interactive = jobs.filter(({ priority }) => priority === 'interactive');
    const ofClass = interactive.length > 0 ? interactive : jobs;
    const preempted = ofClass.filter(({ isPreempted }) => isPreempted);
    if (preempted.length > 0) return least(preempted, () => 0);
    const { key } = least(ofClass, (job) => this.#keys.of(job.key));
    const ofKey = ofClass.filter((job) => job.key === key);
    const flows = this.#flows.get(key);
    const { flow } = least(ofKey, (job) => flows?.of(job.flow) ?? 0);
    return least(
      ofKey.filter((job) => job.flow === flow),
      () => 0,
    );
  }
}

function isAged({ arrivedAt }: QueuedJob, now: number, ageingMs: number): boolean {
  return now - arrivedAt >= ageingMs;
}

/** The job of the smallest value, and of several the one that came first. */
function least<T extends QueuedJob>(jobs: readonly T[], value: (job: T) => number): T {
  return jobs.reduce((best, job) => {
    const difference = value(job) - value(best) || job.arrivedAt - best.arrivedAt || job.id - best.id;
    return difference < 0 ? job : best;
  });
}
