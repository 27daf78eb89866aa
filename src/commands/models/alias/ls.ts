import type { Alias } from '../../../adapters/hub/change-alias.js';
import { BaseCommand } from '../../base-command.js';
import { formatTable } from '../../format/table.js';

export default class ModelsAliasLs extends BaseCommand {
  static override summary = 'List the aliases of models.';
  static override description = 'Besides these, the model that is served answers to the vendor names of model.aliases.';
  static override examples = ['<%= config.bin %> models alias ls', '<%= config.bin %> models alias ls --json'];

  override async run(): Promise<{ readonly aliases: readonly Alias[] }> {
    await this.parse(ModelsAliasLs);
    const { readAliases } = await import('../../../adapters/hub/alias-file.js');
    const { aliasesFile } = await import('../../../adapters/paths/paths.js');
    const aliases = [...readAliases(aliasesFile())].map(([name, model]) => ({ name, model }));
    if (aliases.length === 0) this.note('There are no aliases. semantic models alias set makes one.');
    else {
      const rows = aliases.map(({ name, model }) => [name, model]);
      for (const line of formatTable(['ALIAS', 'MODEL'], rows)) this.log(line);
    }
    return { aliases };
  }
}
