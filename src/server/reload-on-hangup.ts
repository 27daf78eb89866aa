import type { Daemon } from './daemon.js';

/** SIGHUP reads the settings again; on a terminal it says that the terminal is gone, and ends the daemon as ever. */
export function reloadOnHangup(daemon: Pick<Daemon, 'reload'>, say: (text: string) => void): void {
  if (process.stdin.isTTY) return;
  process.on('SIGHUP', () => {
    try {
      const { applied, needs_restart: rest } = daemon.reload();
      say(
        `SIGHUP: ${applied.length === 0 ? 'no setting changed' : `changed ${applied.join(', ')}`}${rest.length === 0 ? '' : `; for a restart: ${rest.join(', ')}`}`,
      );
    } catch (error) {
      say(`SIGHUP: nothing changed: ${(error as Error).message}`);
    }
  });
}
