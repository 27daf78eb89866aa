import { Flags } from '@oclif/core';
import { SemanticError } from '../core/domain/errors.js';
import { stopSeconds } from './daemon/stop-seconds.js';
import { DaemonCommand } from './daemon-command.js';

export default class Restart extends DaemonCommand {
  static override summary = 'Stop the daemon in the background and start it again with the same arguments; agents find their KV again.';
  static override examples = ['<%= config.bin %> restart'];
  static override flags = {
    now: Flags.boolean({ description: 'End running answers instead of letting them finish' }),
  };

  override async run(): Promise<object> {
    const { flags } = await this.parse(Restart);
    const settings = await this.settings({ 'server.socket': flags.socket });
    const { lastStart, startDetached } = await import('./daemon/detached.js');
    const start = lastStart();
    if (start === null) {
      throw new SemanticError('InvalidRequest', '[restart] no daemon was started in the background from here', {
        hint: 'Start one with: semantic serve --detach. A service is restarted by what runs it (systemctl --user restart semantic).',
      });
    }
    const { stopDaemon } = await import('./daemon/stop-daemon.js');
    await this.administer(flags, (admin) => stopDaemon(admin, flags.now, stopSeconds(settings))).catch((error: unknown) => {
      if (!(error instanceof SemanticError) || error.code !== 'DaemonUnreachable') throw error;
    });
    const { summary, log } = await startDetached(start, settings.log.file);
    const { readyBanner } = await import('../server/ready-banner.js');
    this.log(readyBanner(summary));
    return { ...summary, log };
  }
}
