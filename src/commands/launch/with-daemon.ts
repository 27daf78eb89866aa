import { join } from 'node:path';
import { stateDirectory } from '../../adapters/paths/paths.js';
import { SemanticError } from '../../core/domain/errors.js';

export interface ServeWish {
  /** Of `semantic serve`. */
  readonly args: readonly string[];
  note(text: string): void;
}

/** Runs with what `prepare` finds at a daemon: at one of its own where none answers and there is a wish, which ends afterwards. */
export async function withDaemon<T>(
  wish: ServeWish | null,
  prepare: () => Promise<T>,
  run: (ready: T) => Promise<number>,
): Promise<number> {
  const found = await prepare().then(
    (ready) => ({ ready }),
    (error: unknown) => {
      if (wish === null || !(error instanceof SemanticError) || error.code !== 'DaemonUnreachable') throw error;
      return { wish };
    },
  );
  if ('ready' in found) return run(found.ready);
  // From here on a signal must not leave a daemon behind.
  const cancelled = new AbortController();
  const cancel = (): void => cancelled.abort();
  for (const signal of SIGNALS) process.on(signal, cancel);
  const log = join(stateDirectory(), 'launch-serve.log');
  found.wish.note(`starting a daemon; what it says goes to ${log}`);
  try {
    const { spawnDaemon } = await import('../../client/spawn-daemon.js');
    const daemon = await spawnDaemon(found.wish.args, { log, keepsLog: false }, cancelled.signal);
    try {
      const ready = await prepare();
      if (cancelled.signal.aborted) throw new SemanticError('Cancelled', 'nothing was started');
      return await run(ready);
    } finally {
      await daemon.stop();
    }
  } finally {
    for (const signal of SIGNALS) process.off(signal, cancel);
  }
}

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
