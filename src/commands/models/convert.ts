import { Args, Flags } from '@oclif/core';
import type { Converted } from '../../adapters/model-files/convert/convert-model.js';
import { SemanticError } from '../../core/domain/errors.js';
import { audited } from '../audited.js';
import { BaseCommand } from '../base-command.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';

const BITS = { '4': 4, '8': 8, none: null } as const;
const GROUPS = { '32': 32, '64': 64, '128': 128 } as const;

export default class ModelsConvert extends BaseCommand {
  static override summary = 'Make a folder of safetensors, packed or not, of a GGUF file or of 16- or 32-bit safetensors.';
  static override description =
    'The folder is one that mlx-lm opens too. Matrices are packed as MLX packs them, tensor by tensor, in little memory; those whose rows are no ' +
    'multiple of the group stay as they are. It is there as a whole or not at all.';
  static override examples = [
    '<%= config.bin %> models convert smollm2-135m-instruct --name smollm2-8bit --quantize 8',
    '<%= config.bin %> models convert ./Qwen3-0.6B ./Qwen3-0.6B-4bit --quantize 4 --group-size 32',
  ];
  static override args = {
    from: Args.string({ required: true, description: 'Id or alias of a model, a folder or a .gguf file' }),
    to: Args.string({ description: 'Folder to make; or --name' }),
  };
  static override flags = {
    name: Flags.string({ description: 'Install it under this name' }),
    quantize: Flags.option({ options: ['4', '8', 'none'] as const, default: '4', description: 'Bits of a weight; none = 16 or 32' })(),
    'group-size': Flags.option({ options: ['32', '64', '128'] as const, default: '64', description: 'Weights that share a scale' })(),
  };

  override async run(): Promise<Converted> {
    const { args, flags } = await this.parse(ModelsConvert);
    if ((args.to === undefined) === (flags.name === undefined)) {
      throw new SemanticError('InvalidRequest', 'wanted a folder to make or --name, one of the two', { param: 'to' });
    }
    const { audit } = await this.settings();
    const { locateModel, isModelId } = await import('../../adapters/hub/locate-model.js');
    const { modelsDirectory } = await import('../../adapters/paths/paths.js');
    const { convertModel } = await import('../../adapters/model-files/convert/convert-model.js');
    const { progressBar } = await import('../progress-bar.js');
    if (flags.name !== undefined && !isModelId(flags.name)) {
      throw new SemanticError('InvalidRequest', `${JSON.stringify(flags.name)} cannot be the name of a model`, { param: 'name' });
    }
    const bits = BITS[flags.quantize];
    const bar = progressBar(process.stderr);
    try {
      const to = args.to ?? `${modelsDirectory()}/${flags.name!}`;
      const what = { action: 'model.convert', target: `${args.from} > ${flags.name ?? to}`, note: (text: string) => this.note(text) };
      const converted = await audited(audit, what, () =>
        convertModel(locateModel(args.from).path, to, {
          quantization: bits === null ? null : { bits, groupSize: GROUPS[flags['group-size']] },
          onProgress: ({ phase, done, total }) => bar.show(phase, done, total),
          signal: new AbortController().signal,
        }),
      );
      bar.stop();
      this.log(converted.path);
      const { bytes, packed, dense } = converted;
      this.note(
        `${formatBytes(bytes)}: ${formatCount(packed, 'matrix').replace('matrixs', 'matrices')} packed, ${formatCount(dense, 'tensor')} as they were.`,
      );
      return converted;
    } finally {
      bar.stop();
    }
  }
}
