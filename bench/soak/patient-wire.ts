/** The routes of a soak where the daemon is killed and its models are exchanged meanwhile: what that ends is asked for again. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SoakWire, type TurnRequest, type TurnUsage, WireFailure } from './soak-wire.js';

/** Two minutes: a daemon that takes longer to come back, or refuses for longer, does not come back. */
const MOST_RETRIES = 600;
const RETRY_MILLIS = 200;

export class PatientWire extends SoakWire {
  /** Requests that were ended from outside, and sent again. */
  interrupted = 0;

  /** One that was made before its answer was lost is there. */
  override create(id: string): Promise<void> {
    return this.#once(() => super.create(id), 409);
  }

  override fork(id: string, child: string): Promise<void> {
    return this.#once(() => super.fork(id, child), 409);
  }

  override remove(id: string): Promise<void> {
    return this.#once(() => super.remove(id), 404);
  }

  override turn(id: string, request: TurnRequest): Promise<TurnUsage> {
    return this.#again(() => super.turn(id, request));
  }

  override abandon(id: string, request: TurnRequest, events: number): Promise<boolean> {
    return this.#again(() => super.abandon(id, request, events));
  }

  override evictAll(): Promise<void> {
    return this.#again(() => super.evictAll());
  }

  override get<T>(path: string): Promise<T> {
    return this.#again(() => super.get<T>(path));
  }

  /** `done`: a status that says, of a request sent again, that the first one was carried out. */
  #once(send: () => Promise<void>, done: number): Promise<void> {
    let sent = 0;
    return this.#again(async () => {
      sent += 1;
      await send().catch((error: unknown) => {
        if (sent === 1 || !(error instanceof WireFailure) || error.status !== done) throw error;
      });
    });
  }

  async #again<T>(send: () => Promise<T>): Promise<T> {
    for (let retries = 0; ; retries++) {
      try {
        return await send();
      } catch (error) {
        if (!isInterruption(error) || retries === MOST_RETRIES) throw error;
        this.interrupted += 1;
        await sleep(RETRY_MILLIS);
      }
    }
  }
}

/** The connection broke, or nobody may be asked now. */
function isInterruption(error: unknown): boolean {
  return error instanceof WireFailure ? error.status === 503 || error.status === null : error instanceof TypeError;
}
