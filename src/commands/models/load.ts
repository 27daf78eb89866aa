import { Args } from '@oclif/core';
import type { ResidentBody } from '../../client/residency-bodies.js';
import { formatBytes } from '../format/bytes.js';
import { ResidencyCommand } from './residency-command.js';

export default class ModelsLoad extends ResidencyCommand {
  static override summary = "Bring a model into a running daemon's memory beside what is there (up to models.max_resident).";
  static override examples = ['<%= config.bin %> models load qwen3-8b', '<%= config.bin %> models load qwen3-8b --json'];
  static override args = { model: Args.string({ required: true, description: 'Name or alias of an installed model' }) };

  override async run(): Promise<ResidentBody> {
    const { args, flags } = await this.parse(ModelsLoad);
    const model = await this.askModels(flags, (models) => models.load(args.model));
    const { id, weight_bytes: weights, kv_budget_bytes: kv } = model;
    this.log(`${id} is in memory: ${formatBytes(weights)} of weights, room for ${formatBytes(kv)} of KV`);
    return model;
  }
}
