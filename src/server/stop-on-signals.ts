import { constants } from 'node:os';
import type { Daemon } from './daemon.js';
import { tellServiceManager } from './tell-service-manager.js';

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/**
 * Resolves when the daemon has stopped after SIGTERM or SIGINT. The first lets running answers finish, the second ends them, the third ends the process
 * at once; so does the first while the daemon is starting, when there is nothing to finish. Rejects with what kept it from starting or stopping.
 */
export async function stopOnSignals(starting: Promise<Daemon>, say: (text: string) => void): Promise<void> {
  let daemon: Daemon | null = null;
  let signals = 0;
  let stopped: (() => void) | null = null;
  const asked = new Promise<void>((resolve) => (stopped = resolve));
  const onSignal = (signal: (typeof SIGNALS)[number]): void => {
    signals += 1;
    if (daemon === null || signals > 2) process.exit(128 + constants.signals[signal]);
    if (signals === 2) {
      say(`${signal}: ending what is running.`);
      return daemon.hurry();
    }
    say(`${signal}: finishing what is running, admitting nothing new.`);
    void tellServiceManager({ assignment: 'STOPPING=1', status: 'finishing what is running' }, say);
    stopped?.();
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  daemon = await starting;
  await asked;
  await daemon.stop();
}
