/**
 * Shares the engine's thread between answers and embeddings. A slice of embeddings runs between two steps; while answers are decoded, so much time
 * of steps has to pass before the next one that they keep their share. Where nothing is decoded nothing waits.
 */
import type { StepWatch } from './step-watch.js';

export class EmbeddingTurns {
  /** What steps have to have taken before the next slice, microseconds. */
  #due = 0;

  /** @param share of its solo speed that decoding keeps, below 1 */
  constructor(
    private readonly steps: StepWatch,
    private readonly share: number,
  ) {}

  sliceEnded(micros: number): void {
    this.#due = this.steps.micros + (micros * this.share) / (1 - this.share);
  }

  /** Resolves when a slice may run. */
  async next(): Promise<void> {
    while (this.steps.micros < this.#due) {
      if (this.steps.inFlight === 0) {
        await new Promise((resolve) => setImmediate(resolve)); // the next step may be about to be asked for
        if (this.steps.inFlight === 0) return;
      }
      await this.steps.ended();
    }
  }
}
