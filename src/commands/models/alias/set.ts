import { Args } from '@oclif/core';
import type { ChangedAlias } from '../../../adapters/hub/change-alias.js';
import { audited } from '../../audited.js';
import { BaseCommand } from '../../base-command.js';

export default class ModelsAliasSet extends BaseCommand {
  static override summary = 'Give an installed model another name.';
  static override description =
    'Requests may use the name at once, as may --model. A * in it stands for anything; where several fit the longest counts. An alias goes ' +
    'before the vendor names of model.aliases.';
  static override examples = [
    '<%= config.bin %> models alias set fast smollm2-135m-instruct',
    "<%= config.bin %> models alias set 'claude-haiku-*' smollm2-135m-instruct",
  ];
  static override args = {
    name: Args.string({ required: true, description: 'The new name' }),
    model: Args.string({ required: true, description: 'Id of an installed model, or another alias of it' }),
  };

  override async run(): Promise<ChangedAlias> {
    const { args } = await this.parse(ModelsAliasSet);
    const { audit } = await this.settings();
    const { setAlias } = await import('../../../adapters/hub/change-alias.js');
    const { installedModels } = await import('../../../adapters/hub/locate-model.js');
    const { aliasesFile } = await import('../../../adapters/paths/paths.js');
    const installed = installedModels().map(({ id }) => id);
    const what = { action: 'alias.set', target: `${args.name} = ${args.model}`, note: (text: string) => this.note(text) };
    const set = await audited(audit, what, () => setAlias(aliasesFile(), { name: args.name, model: args.model }, installed));
    this.log(`${set.name} is ${set.model}${set.before === null || set.before === set.model ? '' : `, no longer ${set.before}`}`);
    return set;
  }
}
