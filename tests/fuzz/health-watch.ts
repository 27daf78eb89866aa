/** Asks the daemon whether it lives, again and again while all else goes on. */
import { setTimeout as sleep } from 'node:timers/promises';
import { converse, type Door } from './wire/converse.js';
import { readAnswers } from './wire/read-answers.js';

const ASK = Buffer.from('GET /health/live HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n');
const BETWEEN_MS = 100;

export class HealthWatch {
  asked = 0;
  slowestMs = 0;
  readonly failures: string[] = [];
  #isOver = false;
  readonly #watching: Promise<void>;

  /** `inFlight`: what is being asked meanwhile, for the report. */
  constructor(
    private readonly door: Door,
    private readonly patienceMs: number,
    private readonly inFlight: () => string,
  ) {
    this.#watching = this.#watch();
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await this.#watching;
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      const start = performance.now();
      const script = { door: 'tcp', pieces: [ASK], pauseMs: 0, ending: 'wait' } as const;
      const { bytes, isLate } = await converse(this.door, script, () => false, this.patienceMs);
      this.asked += 1;
      this.slowestMs = Math.max(this.slowestMs, performance.now() - start);
      const status = readAnswers(bytes, ['GET'], true).answers[0]?.status;
      if (isLate) this.failures.push(`/health/live did not answer within ${this.patienceMs} ms while ${this.inFlight()}`);
      else if (status !== 200) this.failures.push(`/health/live answered ${status ?? 'nothing'} while ${this.inFlight()}`);
      await sleep(BETWEEN_MS);
    }
  }
}
