import { Args } from '@oclif/core';
import type { PulledModel } from '../../adapters/hub/pull-model.js';
import { BaseCommand } from '../base-command.js';

export default class ModelsPull extends BaseCommand {
  static override summary = 'Fetch a model of the catalogue, verify it and put it in place.';
  static override description = 'A pull that breaks off keeps what arrived whole; run it again to go on.';
  static override examples = ['<%= config.bin %> models pull smollm2-135m-instruct'];
  static override args = { name: Args.string({ required: true, description: 'Name of the model, see `semantic models ls`' }) };

  override async run(): Promise<PulledModel> {
    const { args } = await this.parse(ModelsPull);
    const { catalogueModel } = await import('../../adapters/hub/catalogue.js');
    const { pullModel } = await import('../../adapters/hub/pull-model.js');
    const { progressBar } = await import('../progress-bar.js');
    const bar = progressBar(process.stderr);
    try {
      const pulled = await pullModel(catalogueModel(args.name), { onProgress: ({ phase, done, total }) => bar.show(phase, done, total) });
      bar.stop();
      this.log(pulled.path);
      this.note(pulled.fetched ? `${pulled.name} is installed (SHA-256 verified).` : `${pulled.name} was installed already, and is whole.`);
      return pulled;
    } finally {
      bar.stop();
    }
  }
}
