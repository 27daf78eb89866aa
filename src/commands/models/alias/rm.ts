import { Args } from '@oclif/core';
import type { Alias } from '../../../adapters/hub/change-alias.js';
import { audited } from '../../audited.js';
import { BaseCommand } from '../../base-command.js';

export default class ModelsAliasRm extends BaseCommand {
  static override summary = 'Remove an alias; the model stays.';
  static override examples = ['<%= config.bin %> models alias rm fast'];
  static override args = { name: Args.string({ required: true, description: 'The alias' }) };

  override async run(): Promise<Alias> {
    const { args } = await this.parse(ModelsAliasRm);
    const { audit } = await this.settings();
    const { removeAlias } = await import('../../../adapters/hub/change-alias.js');
    const { aliasesFile } = await import('../../../adapters/paths/paths.js');
    const what = { action: 'alias.remove', target: args.name, note: (text: string) => this.note(text) };
    const removed = await audited(audit, what, () => removeAlias(aliasesFile(), args.name));
    this.log(`${removed.name} is no alias of ${removed.model} any more`);
    return removed;
  }
}
