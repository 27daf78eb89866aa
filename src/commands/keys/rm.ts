import { Args } from '@oclif/core';
import { audited } from '../audited.js';
import { BaseCommand } from '../base-command.js';
import { assertCanAsk, confirm, destroyFlags } from '../confirm.js';

export interface RemovedKey {
  readonly name: string;
  readonly removed: boolean;
}

export default class KeysRm extends BaseCommand {
  static override summary = 'Remove an API key: a running daemon refuses it from the next request on.';
  static override description =
    'What was made with it, agents and their KV, stays; another key does not see it, `semantic agents` on this machine does.';
  static override examples = ['<%= config.bin %> keys rm laptop', '<%= config.bin %> keys rm laptop --force --json'];
  static override args = { name: Args.string({ required: true, description: 'Name of the key' }) };
  static override flags = { ...destroyFlags };

  override async run(): Promise<RemovedKey> {
    const { args, flags } = await this.parse(KeysRm);
    assertCanAsk(flags);
    const { audit } = await this.settings();
    const { findKey, removeKey } = await import('../../adapters/keys/remove-key.js');
    const { keysFile } = await import('../../adapters/paths/paths.js');
    const { name, start } = findKey(keysFile(), args.name);
    if (flags['dry-run']) {
      this.log(`${name} (${start}...) would be removed`);
      return { name, removed: false };
    }
    if (!flags.force) await confirm(`${name} (${start}...) is removed. Go on?`);
    await audited(audit, { action: 'key.remove', target: name, note: (text) => this.note(text) }, () => removeKey(keysFile(), name));
    this.log(`${name} was removed`);
    return { name, removed: true };
  }
}
