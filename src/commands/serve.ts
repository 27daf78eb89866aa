import { Flags } from '@oclif/core';
import { BaseCommand } from './base-command.js';
import { engineFlags, engineSettings } from './engine-flags.js';

export default class Serve extends BaseCommand {
  static override summary = 'Serve a model over HTTP and a Unix socket until SIGTERM or Ctrl-C.';
  static override examples = [
    '<%= config.bin %> serve',
    '<%= config.bin %> serve --port 9000 --context 4096',
    '<%= config.bin %> serve --model ./my-model.gguf --threads 4',
    '<%= config.bin %> serve --host 0.0.0.0 --allow-remote',
  ];
  static override flags = {
    ...engineFlags,
    host: Flags.string({ description: 'Address to listen on', helpValue: 'address' }),
    port: Flags.integer({ char: 'p', description: 'Port to listen on (0 = any free one)', helpValue: 'n' }),
    socket: Flags.string({ description: 'Path of the Unix socket', helpValue: 'path' }),
    'allow-remote': Flags.boolean({ description: 'Let other machines in, with an API key' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    const settings = await this.settings({
      ...engineSettings(flags),
      'server.host': flags.host,
      'server.port': flags.port,
      'server.socket': flags.socket,
      'server.allow_remote': flags['allow-remote'],
    });
    const { startDaemon } = await import('../server/daemon.js');
    const { stopOnSignals } = await import('../server/stop-on-signals.js');
    const daemon = await startDaemon(settings, this.config.version);
    const stopped = stopOnSignals(daemon, (text) => this.note(text));
    if (this.jsonEnabled()) this.logJson(daemon.summary);
    else {
      const { readyBanner } = await import('../server/ready-banner.js');
      this.log(readyBanner(daemon.summary));
    }
    await stopped;
  }
}
