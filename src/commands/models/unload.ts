import { Args } from '@oclif/core';
import { ResidencyCommand } from './residency-command.js';

export default class ModelsUnload extends ResidencyCommand {
  static override summary = "Take a model out of a running daemon's memory, when its running answers have ended.";
  static override description = 'Its agents stay; their KV on disk is found again when the model is back.';
  static override examples = ['<%= config.bin %> models unload qwen3-8b'];
  static override args = { model: Args.string({ required: true, description: 'Name or alias of a model in memory' }) };

  override async run(): Promise<{ readonly unloaded: string }> {
    const { args, flags } = await this.parse(ModelsUnload);
    await this.askModels(flags, (models) => models.unload(args.model));
    this.log(`${args.model} is out of memory`);
    return { unloaded: args.model };
  }
}
