import { existsSync } from 'node:fs';
import { BaseCommand } from '../base-command.js';

interface Source {
  readonly path: string;
  readonly exists: boolean;
}

export default class ConfigPath extends BaseCommand {
  static override summary = 'Say which files settings come from, the last word first.';
  static override examples = ['<%= config.bin %> config path'];

  override async run(): Promise<{ readonly files: readonly Source[] }> {
    await this.parse(ConfigPath);
    const { configFiles } = await import('../../adapters/config/load-config.js');
    const files = configFiles(this.sources()).map((path) => ({ path, exists: existsSync(path) }));
    for (const { path, exists } of files) this.log(exists ? path : `${path} (not there)`);
    return { files };
  }
}
