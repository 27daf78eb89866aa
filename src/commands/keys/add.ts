import { Args } from '@oclif/core';
import { audited } from '../audited.js';
import { BaseCommand } from '../base-command.js';

export interface AddedKey {
  readonly name: string;
  readonly key: string;
}

export default class KeysAdd extends BaseCommand {
  static override summary = 'Make an API key. It is shown this once; only its hash is kept.';
  static override description = 'A running daemon takes it at once. The key alone goes to stdout.';
  static override examples = ['<%= config.bin %> keys add', '<%= config.bin %> keys add laptop', '<%= config.bin %> keys add ci --json'];
  static override args = { name: Args.string({ description: 'What to call it; key-1, key-2, ... without it' }) };

  override async run(): Promise<AddedKey> {
    const { args } = await this.parse(KeysAdd);
    const { audit } = await this.settings();
    const { addKey } = await import('../../adapters/keys/add-key.js');
    const { keysFile } = await import('../../adapters/paths/paths.js');
    const what = {
      action: 'key.add',
      target: args.name ?? null,
      done: ({ name }: AddedKey) => name,
      note: (text: string) => this.note(text),
    };
    const added = await audited(audit, what, () => addKey(keysFile(), args.name ?? null));
    if (!this.jsonEnabled()) this.note(`${added.name} was made. Keep it now: it cannot be shown again.`);
    this.log(added.key);
    return added;
  }
}
