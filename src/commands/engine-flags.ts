/** Flags of the commands that load a model, and the settings they stand for. */
import { Flags } from '@oclif/core';
import { COMPUTES } from '../core/domain/compute.js';

export const engineFlags = {
  model: Flags.string({ char: 'm', description: 'Model: a name from `semantic models ls`, or a path', helpValue: 'name' }),
  context: Flags.integer({ description: 'Longest prompt and answer together, tokens (0 = all the model has)', helpValue: 'tokens' }),
  threads: Flags.integer({ description: 'Threads of the cpu executor (0 = one per core)', helpValue: 'n' }),
  executor: Flags.string({ description: 'What computes: our CPU kernels, or MLX', options: ['auto', 'mlx', 'cpu'] }),
  compute: Flags.string({ description: 'Activations of linear layers in our CPU kernels', options: ['auto', ...COMPUTES] }),
};

export interface EngineFlagValues {
  readonly model?: string | undefined;
  readonly context?: number | undefined;
  readonly threads?: number | undefined;
  readonly executor?: string | undefined;
  readonly compute?: string | undefined;
}

export function engineSettings(flags: EngineFlagValues): Record<string, unknown> {
  return {
    'model.default': flags.model,
    'model.context': flags.context,
    'model.threads': flags.threads,
    'model.executor': flags.executor,
    'model.compute': flags.compute,
  };
}
