/** A daemon whose store lies on a file system that is too small, for real. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { RowTally } from '../report/record-row.js';
import { type Base, Findings } from './base.js';
import { Home } from './faulty-daemon.js';

/** Mounts a tmpfs of these bytes over a directory, in namespaces of its own, then runs what follows. */
const mounted = (directory: string, bytes: number): readonly string[] => [
  ...['unshare', '--user', '--map-root-user', '--mount', 'sh', '-c'],
  ...[`mount -t tmpfs -o size=${bytes} none "$0" && exec "$@"`, directory],
];

/** Why no file system can be mounted here; null where one can. */
export function whyNoMount(): string | null {
  const { status, stderr } = spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'sh', '-c', 'mount -t tmpfs none /tmp'], {
    encoding: 'utf8',
  });
  return status === 0 ? null : `unshare or mount is refused: ${stderr}`;
}

export async function fullDiskRow(base: Base): Promise<RowTally> {
  const tally = new RowTally('daemon-full-disk');
  // 23 KB a token: room for some conversations, of which the oldest make way; and room for none.
  tally.add('9 MB', await onDisk(base, 9 << 20, (log) => log.includes('kv store: evicted')));
  tally.add('1 MB', await onDisk(base, 1 << 20, (_, reason) => /ENOSPC|free/.test(reason ?? '')));
  return tally;
}

async function onDisk(base: Base, size: number, isTold: (log: string, reason: string | null) => boolean): Promise<Findings> {
  const home = new Home();
  const findings = new Findings(base);
  try {
    mkdirSync(home.kv);
    const daemon = await home.start({}, mounted(home.kv, size));
    for (const name of ['a1', 'b1', 'a2', 'b2'] as const) {
      await findings.sayAnyhow(daemon, name);
      await daemon.settled();
    }
    const { reason, bytes } = await daemon.disk();
    findings.check(isTold(daemon.log, reason), `neither log nor reason (${reason}) tell of it`);
    findings.check(bytes < size, `${bytes} bytes are said to be stored on a disk of ${size}`);
    await findings.sayAnyhow(daemon, 'a3');
    findings.check((await daemon.stop()) === 0, 'the daemon did not end well');
  } catch (error) {
    findings.problems.push(String(error));
  } finally {
    home.remove();
  }
  return findings;
}
