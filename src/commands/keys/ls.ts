import { BaseCommand } from '../base-command.js';
import { formatAgo } from '../format/ago.js';
import { formatTable } from '../format/table.js';

export interface KeyRow {
  readonly name: string;
  /** Its first characters. */
  readonly start: string;
  /** Seconds since 1970. */
  readonly created_at: number;
}

export default class KeysLs extends BaseCommand {
  static override summary = 'List the API keys on file.';
  static override examples = ['<%= config.bin %> keys ls', '<%= config.bin %> keys ls --json'];

  override async run(): Promise<{ readonly keys: readonly KeyRow[] }> {
    await this.parse(KeysLs);
    const { readKeys } = await import('../../adapters/keys/key-file.js');
    const { keysFile } = await import('../../adapters/paths/paths.js');
    const keys = readKeys(keysFile()).map(({ name, start, createdAt }) => ({ name, start, created_at: Math.floor(createdAt / 1000) }));
    const now = Date.now() / 1000;
    if (keys.length === 0) this.note('There are no API keys.');
    else {
      const rows = keys.map((key) => [key.name, `${key.start}...`, formatAgo(key.created_at, now)]);
      for (const line of formatTable(['NAME', 'KEY', 'MADE'], rows)) this.log(line);
    }
    return { keys };
  }
}
