import { Flags } from '@oclif/core';
import type { Config as Settings } from '../adapters/config/schema.js';
import { BaseCommand } from './base-command.js';
import { engineFlags, engineSettings } from './engine-flags.js';

export default class Serve extends BaseCommand {
  static override summary = 'Serve a model over HTTP and a Unix socket until SIGTERM or Ctrl-C, or in the background.';
  static override examples = [
    '<%= config.bin %> serve',
    '<%= config.bin %> serve --port 9000 --context 4096',
    '<%= config.bin %> serve --model ./my-model.gguf --threads 4',
    '<%= config.bin %> serve --host 0.0.0.0 --allow-remote',
    '<%= config.bin %> serve --detach',
    '<%= config.bin %> serve --record ./recording',
  ];
  static override flags = {
    ...engineFlags,
    host: Flags.string({ description: 'Address to listen on', helpValue: 'address' }),
    port: Flags.integer({ char: 'p', description: 'Port to listen on (0 = any free one)', helpValue: 'n' }),
    socket: Flags.string({ description: 'Path of the Unix socket', helpValue: 'path' }),
    detach: Flags.boolean({ char: 'd', description: 'Serve in the background, and return when it is ready' }),
    record: Flags.string({ description: 'Record requests and answers in a new folder', helpValue: 'folder' }),
    'allow-remote': Flags.boolean({ description: 'Let other machines in, with an API key' }),
  };

  override async run(): Promise<void> {
    const { flags } = await this.parse(Serve);
    const chosen = {
      ...engineSettings(flags),
      'server.host': flags.host,
      'server.port': flags.port,
      'server.socket': flags.socket,
      'server.allow_remote': flags['allow-remote'],
      'recording.directory': flags.record,
    };
    const settings = await this.settings(chosen);
    if (flags.detach) return this.#detach(settings);
    const { startDaemon } = await import('../server/daemon.js');
    const { stopOnSignals } = await import('../server/stop-on-signals.js');
    const { loadConfig } = await import('../adapters/config/load-config.js');
    const { takeSecrets } = await import('../adapters/secrets/take-secrets.js');
    const environment = takeSecrets(process.env);
    const sources = { ...this.sources(chosen), environment };
    const starting = startDaemon(settings, { version: this.config.version, environment, readSettings: () => loadConfig(sources) });
    const stopped = stopOnSignals(starting, (text) => this.note(text));
    stopped.catch(() => undefined); // awaited below
    const daemon = await starting;
    const { reloadOnHangup } = await import('../server/reload-on-hangup.js');
    reloadOnHangup(daemon, (text) => this.note(text));
    const { tellServiceManager } = await import('../server/tell-service-manager.js');
    const { model, address } = daemon.summary;
    await tellServiceManager({ assignment: 'READY=1', status: `serving ${model.id} on ${address}` }, (reason) => this.note(reason));
    if (this.jsonEnabled()) this.logJson(daemon.summary);
    else {
      const { readyBanner } = await import('../server/ready-banner.js');
      this.log(readyBanner(daemon.summary));
    }
    await stopped;
  }

  async #detach(settings: Settings): Promise<void> {
    const { startDetached } = await import('./daemon/detached.js');
    const args = this.argv.filter((arg) => !DETACH.has(arg));
    const { summary, log } = await startDetached({ args, cwd: process.cwd() }, settings.log.file);
    if (this.jsonEnabled()) return this.logJson({ ...summary, log });
    const { readyBanner } = await import('../server/ready-banner.js');
    this.log(readyBanner(summary));
    this.log(`  log      ${log}\n  stop     ${this.config.bin} stop`);
  }
}

/** Not for the daemon itself; it answers in JSON by itself. */
const DETACH = new Set(['--detach', '-d', '--json']);
