import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Flags } from '@oclif/core';
import { ServiceCommand } from './service-command.js';

export default class ServiceInstall extends ServiceCommand {
  static override summary = 'Have the daemon started at every login, and now: a user unit of systemd, or an agent of launchd.';
  static override description =
    'What follows -- goes to semantic serve. SEMANTIC_* variables that are set now are written into the unit, an API key excepted.';
  static override examples = [
    '<%= config.bin %> service install',
    '<%= config.bin %> service install -- --port 9000 --context 4096',
    '<%= config.bin %> service install --dry-run',
  ];
  static override strict = false;
  static override flags = {
    'dry-run': Flags.boolean({ description: 'Print what would be written, and do nothing' }),
    start: Flags.boolean({ description: 'Start it, now and at every login', default: true, allowNo: true }),
  };

  override async run(): Promise<{ readonly path: string; readonly text: string }> {
    const { flags, argv } = await this.parse(ServiceInstall);
    const { path, text, enable } = await this.definition(argv as string[]);
    if (flags['dry-run']) {
      this.log(text.trimEnd());
      return { path, text };
    }
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
    this.log(`wrote ${path}`);
    if (flags.start) await this.manage(enable);
    else this.log(enable.map((command) => `then: ${command.join(' ')}`).join('\n'));
    return { path, text };
  }
}
