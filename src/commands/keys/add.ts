import { Args, Flags } from '@oclif/core';
import { audited } from '../audited.js';
import { BaseCommand } from '../base-command.js';

export interface AddedKey {
  readonly name: string;
  readonly key: string;
  /** Its own; null = those of the settings, 0 = none. */
  readonly requests_per_minute: number | null;
  readonly tokens_per_minute: number | null;
}

export default class KeysAdd extends BaseCommand {
  static override summary = 'Make an API key. It is shown this once; only its hash is kept.';
  static override description = 'A running daemon takes it at once. The key alone goes to stdout.';
  static override examples = [
    '<%= config.bin %> keys add',
    '<%= config.bin %> keys add laptop',
    '<%= config.bin %> keys add ci --json',
    '<%= config.bin %> keys add guest --requests-per-minute 20 --tokens-per-minute 20000',
  ];
  static override args = { name: Args.string({ description: 'What to call it; key-1, key-2, ... without it' }) };
  static override flags = {
    'requests-per-minute': Flags.integer({
      min: 0,
      description: 'Requests it may make, in place of limits.requests_per_minute (0 = no limit)',
      helpValue: 'n',
    }),
    'tokens-per-minute': Flags.integer({
      min: 0,
      description: 'Tokens it may use, in place of limits.tokens_per_minute (0 = no limit)',
      helpValue: 'n',
    }),
  };

  override async run(): Promise<AddedKey> {
    const { args, flags } = await this.parse(KeysAdd);
    const { audit } = await this.settings();
    const { addKey } = await import('../../adapters/keys/add-key.js');
    const { keysFile } = await import('../../adapters/paths/paths.js');
    const { 'requests-per-minute': requests, 'tokens-per-minute': tokens } = flags;
    const limits = {
      ...(requests === undefined ? {} : { requestsPerMinute: requests }),
      ...(tokens === undefined ? {} : { tokensPerMinute: tokens }),
    };
    const what = {
      action: 'key.add',
      target: args.name ?? null,
      done: ({ name }: { readonly name: string }) => name,
      note: (text: string) => this.note(text),
    };
    const added = await audited(audit, what, () => addKey(keysFile(), args.name ?? null, limits));
    if (!this.jsonEnabled()) this.note(`${added.name} was made. Keep it now: it cannot be shown again.`);
    this.log(added.key);
    return { ...added, requests_per_minute: requests ?? null, tokens_per_minute: tokens ?? null };
  }
}
