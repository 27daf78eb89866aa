import { Flags } from '@oclif/core';
import { DaemonCommand } from './daemon-command.js';
import type { Stopped } from './daemon/stop-daemon.js';
import { stopSeconds } from './daemon/stop-seconds.js';

export default class Stop extends DaemonCommand {
  static override summary = 'Stop the daemon, and wait until it is gone.';
  static override description =
    'It admits nothing new, lets running answers finish (server.shutdown_timeout_seconds), and stores the KV that is not on disk yet.';
  static override examples = ['<%= config.bin %> stop', '<%= config.bin %> stop --now'];
  static override flags = {
    now: Flags.boolean({ description: 'End running answers instead of letting them finish' }),
  };

  override async run(): Promise<Stopped> {
    const { flags } = await this.parse(Stop);
    const waitSeconds = stopSeconds(await this.settings());
    const { stopDaemon } = await import('./daemon/stop-daemon.js');
    const stopped = await this.administer(flags, (admin) => stopDaemon(admin, flags.now, waitSeconds));
    this.log(`stopped the daemon (process ${stopped.pid}) after ${stopped.seconds.toFixed(1)} s`);
    return stopped;
  }
}
