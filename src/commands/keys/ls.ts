import { BaseCommand } from '../base-command.js';
import { formatAgo } from '../format/ago.js';
import { formatTable } from '../format/table.js';

export interface KeyRow {
  readonly name: string;
  /** Its first characters. */
  readonly start: string;
  /** Seconds since 1970. */
  readonly created_at: number;
  /** Its own; null = those of the settings, 0 = none. */
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
}

export default class KeysLs extends BaseCommand {
  static override summary = 'List the API keys on file.';
  static override examples = ['<%= config.bin %> keys ls', '<%= config.bin %> keys ls --json'];

  override async run(): Promise<{ readonly keys: readonly KeyRow[] }> {
    await this.parse(KeysLs);
    const { readKeys } = await import('../../adapters/keys/key-file.js');
    const { keysFile } = await import('../../adapters/paths/paths.js');
    const keys = readKeys(keysFile()).map(({ name, start, createdAt, requestsPerMinute, tokensPerMinute }) => ({
      name,
      start,
      created_at: Math.floor(createdAt / 1000),
      requests_per_minute: requestsPerMinute ?? null,
      tokens_per_minute: tokensPerMinute ?? null,
    }));
    const now = Date.now() / 1000;
    if (keys.length === 0) this.note('There are no API keys.');
    else {
      const rows = keys.map((key) => [key.name, `${key.start}...`, formatAgo(key.created_at, now), limitsOf(key)]);
      for (const line of formatTable(['NAME', 'KEY', 'MADE', 'PER MINUTE'], rows)) this.log(line);
    }
    return { keys };
  }
}

function limitsOf({ requests_per_minute: requests, tokens_per_minute: tokens }: KeyRow): string {
  if (requests === null && tokens === null) return '-';
  const said = (limit: number | null, what: string): string[] => (limit === null ? [] : [`${limit === 0 ? 'any' : limit} ${what}`]);
  return [...said(requests, 'requests'), ...said(tokens, 'tokens')].join(', ');
}
