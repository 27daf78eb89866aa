import { Args } from '@oclif/core';
import type { VerifiedModel } from '../../adapters/hub/verify-model.js';
import { ERROR_TABLE } from '../../core/domain/errors.js';
import { BaseCommand } from '../base-command.js';
import { formatBytes } from '../format/bytes.js';
import { formatTable } from '../format/table.js';

export default class ModelsVerify extends BaseCommand {
  static override summary = 'Read every file of a model and compare it with the hash it had when it was fetched or made.';
  static override description = `Exit code ${ERROR_TABLE.ModelFileCorrupt.exit} when something is damaged or missing, or does not fit together.`;
  static override examples = ['<%= config.bin %> models verify smollm2-135m-instruct', '<%= config.bin %> models verify mine --json'];
  static override args = { name: Args.string({ required: true, description: 'Id or alias of the model' }) };

  override async run(): Promise<VerifiedModel> {
    const { args } = await this.parse(ModelsVerify);
    const { findInstalled } = await import('../../adapters/hub/model-library.js');
    const { verifyModel } = await import('../../adapters/hub/verify-model.js');
    const { progressBar } = await import('../progress-bar.js');
    const model = findInstalled(args.name);
    const bar = progressBar(process.stderr);
    try {
      const report = await verifyModel(model, (done, total) => bar.show('verify', done, total));
      bar.stop();
      const rows = report.files.map(({ path, bytes, state }) => [path, formatBytes(bytes), state]);
      for (const line of formatTable(['FILE', 'SIZE', 'STATE'], rows)) this.log(line);
      if (report.problem !== null) this.note(`${report.id} cannot be loaded: ${report.problem}`);
      if (!report.ok) process.exitCode = ERROR_TABLE.ModelFileCorrupt.exit;
      return report;
    } finally {
      bar.stop();
    }
  }
}
