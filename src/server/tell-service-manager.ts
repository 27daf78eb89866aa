/** What systemd is told of a service of Type=notify: Node opens no datagram sockets of its own kind, so systemd's own tool does it. */
import { execFile } from 'node:child_process';

export interface ServiceState {
  /** `READY=1`: it serves. `STOPPING=1`: it is on its way out. */
  readonly assignment: 'READY=1' | 'STOPPING=1';
  /** One line for `systemctl status`. */
  readonly status: string;
}

/** Nothing happens where no service manager waits to be told. `onFailure` hears why it could not be. */
export async function tellServiceManager({ assignment, status }: ServiceState, onFailure: (reason: string) => void): Promise<void> {
  const socket = process.env['NOTIFY_SOCKET'];
  if (socket === undefined || socket === '') return;
  await new Promise<void>((resolve) => {
    execFile('systemd-notify', [assignment, `STATUS=${status}`, `MAINPID=${process.pid}`], { timeout: LIMIT_MS }, (error) => {
      if (error !== null) onFailure(`systemd-notify: ${error.message}`);
      resolve();
    });
  });
}

const LIMIT_MS = 5_000;
