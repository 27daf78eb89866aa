import { setTimeout as sleep } from 'node:timers/promises';
import type { AdminClient } from '../../client/admin-client.js';
import { SemanticError } from '../../core/domain/errors.js';

const POLL_MS = 50;

export interface Stopped {
  readonly pid: number;
  /** Until it was gone. */
  readonly seconds: number;
}

/** Signals the daemon on the socket and waits until its process is gone; `isHurried`: running answers are ended. Throws DaemonUnreachable, DeadlineExceeded. */
export async function stopDaemon(admin: AdminClient, isHurried: boolean, waitSeconds: number): Promise<Stopped> {
  const { pid } = await admin.process();
  await admin.close(); // an open connection is waited for
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  process.kill(pid, 'SIGTERM');
  if (isHurried) {
    await sleep(POLL_MS); // two signals at once are one
    if (isThere(pid)) process.kill(pid, 'SIGTERM');
  }
  while (isThere(pid)) {
    if (seconds() > waitSeconds)
      throw new SemanticError('DeadlineExceeded', `[stop] the daemon (process ${pid}) has not ended within ${waitSeconds} s`, {
        hint: 'It lets running answers finish: semantic stop --now ends them.',
      });
    await sleep(POLL_MS);
  }
  return { pid, seconds: seconds() };
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
