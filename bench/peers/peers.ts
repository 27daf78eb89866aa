import type { OursOptions } from '../ours.js';
import type { Contender } from '../workload.js';
import { llamaCpp } from './llama-cpp.js';
import { mlxLm } from './mlx-lm.js';

/** Where peers are; '' = not there. `llama`: the folder of llama.cpp's binaries. */
export interface PeerFlags {
  readonly llama: string;
  readonly 'mlx-python': string;
  readonly 'mlx-model': string;
}

export function peers(flags: PeerFlags, { model, threads }: OursOptions): Contender[] {
  const found: Contender[] = [];
  if (flags.llama !== '') found.push(llamaCpp(flags.llama, model, threads));
  if (flags['mlx-python'] !== '' && flags['mlx-model'] !== '') found.push(mlxLm(flags['mlx-python'], flags['mlx-model']));
  return found;
}
