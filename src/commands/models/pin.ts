import { Args } from '@oclif/core';
import type { ResidentBody } from '../../client/residency-bodies.js';
import { ResidencyCommand } from './residency-command.js';

export default class ModelsPin extends ResidencyCommand {
  static override summary = "Keep a model in a running daemon's memory: it makes way for no other one.";
  static override examples = ['<%= config.bin %> models pin qwen3-8b'];
  static override args = { model: Args.string({ required: true, description: 'Name or alias of a model in memory' }) };

  override async run(): Promise<ResidentBody> {
    const { args, flags } = await this.parse(ModelsPin);
    const model = await this.askModels(flags, (models) => models.pin(args.model, true));
    this.log(`${model.id} stays in memory`);
    return model;
  }
}
