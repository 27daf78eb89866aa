import type { Engine } from '../engine/engine.js';
import type { Timer } from '../ports.js';

/** Resolves when nothing of the engine waits or runs, the time is over, or the process is to end. */
export async function drained(engine: Engine, ms: number, timer: Timer, closing: AbortSignal): Promise<void> {
  if (closing.aborted) return;
  let stop = (): void => undefined;
  let end = (): void => undefined;
  const late = new Promise<void>((resolve) => {
    stop = timer.after(ms, resolve);
    end = resolve;
  });
  closing.addEventListener('abort', end, { once: true });
  await Promise.race([engine.drain(), late]);
  stop();
  closing.removeEventListener('abort', end);
}
