/** Requests that wait while a model is exchanged: so many, for so long. */
import { SemanticError } from '../domain/errors.js';
import { cancellation } from '../engine/live-requests.js';
import type { Timer } from '../ports.js';

export interface WaitingLimits {
  readonly maxWaiting: number;
  readonly waitMs: number;
  readonly retryAfterSeconds: number;
}

export class WaitingRoom {
  #waiting = 0;

  constructor(
    private readonly timer: Timer,
    private readonly limits: WaitingLimits,
  ) {}

  get size(): number {
    return this.#waiting;
  }

  /** Resolves when `event` has happened, however it ended. Throws ModelUnavailable where too many wait or it takes too long, the signal's reason where that comes first. */
  async until(event: Promise<unknown>, signal?: AbortSignal): Promise<void> {
    const { maxWaiting, waitMs } = this.limits;
    if (this.#waiting >= maxWaiting) throw this.#refused(`${maxWaiting} requests wait for it already`);
    this.#waiting += 1;
    let stop = (): void => undefined;
    let abort = (): void => undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        stop = this.timer.after(waitMs, () => reject(this.#refused(`it took longer than ${waitMs / 1000} s`)));
        abort = (): void => reject(cancellation(signal));
        if (signal?.aborted === true) abort();
        signal?.addEventListener('abort', abort, { once: true });
        event.then(
          () => resolve(),
          () => resolve(),
        );
      });
    } finally {
      stop();
      signal?.removeEventListener('abort', abort);
      this.#waiting -= 1;
    }
  }

  #refused(why: string): SemanticError {
    return new SemanticError('ModelUnavailable', `[models] a model is being exchanged, and ${why}`, {
      retryAfterSeconds: this.limits.retryAfterSeconds,
      hint: 'Try again in a moment.',
    });
  }
}
