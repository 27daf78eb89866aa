import type { Reloaded } from '../../client/config-bodies.js';
import { DaemonCommand } from '../daemon-command.js';

export default class ConfigReload extends DaemonCommand {
  static override summary =
    'Have the daemon read its settings again: the log level, limits of the scheduler and of API keys, and certificates change, the rest is named.';
  static override description =
    'Settings come from the files, the environment and the flags it was started with. A file that is not valid changes nothing. SIGHUP does the same.';
  static override examples = ['<%= config.bin %> config reload'];

  override async run(): Promise<Reloaded> {
    const { flags } = await this.parse(ConfigReload);
    const reloaded = await this.administer(flags, (admin) => admin.reload());
    this.log(reloaded.applied.length === 0 ? 'no setting changed' : `changed: ${reloaded.applied.join(', ')}`);
    if (reloaded.needs_restart.length > 0) this.log(`needs a restart: ${reloaded.needs_restart.join(', ')}`);
    return reloaded;
  }
}
