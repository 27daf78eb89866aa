/** What befalls a daemon in the middle of its work: exchanges of models, and deaths. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Troubles {
  /** Seconds from one exchange, or death, to the next; 0 = there are none. */
  readonly swapSeconds: number;
  readonly killSeconds: number;
  /** False where it could not be asked for. */
  readonly swap: () => Promise<boolean>;
  /** Kills it, and starts another one in its place. */
  readonly kill: () => Promise<void>;
}

export interface Befallen {
  swaps: number;
  kills: number;
}

/** One at a time until `signal`. Throws what an exchange or a start throws. */
export async function befall({ swapSeconds, killSeconds, swap, kill }: Troubles, signal: AbortSignal): Promise<Befallen> {
  const befallen: Befallen = { swaps: 0, kills: 0 };
  const last = { swap: Date.now(), kill: Date.now() };
  const isDue = (every: number, at: number): boolean => every > 0 && Date.now() - at >= every * 1000;
  while (!signal.aborted) {
    if (isDue(killSeconds, last.kill)) {
      await kill();
      befallen.kills += 1;
      last.kill = Date.now();
    } else if (isDue(swapSeconds, last.swap)) {
      befallen.swaps += (await swap()) ? 1 : 0;
      last.swap = Date.now();
    }
    await sleep(100, undefined, { signal }).catch(() => undefined);
  }
  return befallen;
}
