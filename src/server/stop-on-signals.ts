import { constants } from 'node:os';

/** Resolves when the daemon has stopped after SIGTERM or SIGINT; a second signal ends the process at once. */
export function stopOnSignals(daemon: { stop(): Promise<void> }, say: (text: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const onSignal = (signal: 'SIGTERM' | 'SIGINT'): void => {
      if (stopping) process.exit(128 + constants.signals[signal]);
      stopping = true;
      say(`${signal}: finishing what is running, admitting nothing new.`);
      daemon.stop().then(resolve, reject);
    };
    process.on('SIGTERM', onSignal);
    process.on('SIGINT', onSignal);
  });
}
