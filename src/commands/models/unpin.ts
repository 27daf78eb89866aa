import { Args } from '@oclif/core';
import type { ResidentBody } from '../../client/residency-bodies.js';
import { ResidencyCommand } from './residency-command.js';

export default class ModelsUnpin extends ResidencyCommand {
  static override summary = "Let a model in a running daemon's memory make way for others again.";
  static override examples = ['<%= config.bin %> models unpin qwen3-8b'];
  static override args = { model: Args.string({ required: true, description: 'Name or alias of a model in memory' }) };

  override async run(): Promise<ResidentBody> {
    const { args, flags } = await this.parse(ModelsUnpin);
    const model = await this.askModels(flags, (models) => models.pin(args.model, false));
    this.log(`${model.id} may make way for others`);
    return model;
  }
}
