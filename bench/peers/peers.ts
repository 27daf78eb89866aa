import type { OursOptions } from '../ours.js';
import type { Contender } from '../workload.js';
import { llamaBatched } from './llama-batched.js';
import { llamaCpp } from './llama-cpp.js';
import { mlxLm } from './mlx-lm.js';

/** Where peers are; '' = not there. `llama`: the folder of llama.cpp's binaries. */
export interface PeerFlags {
  readonly llama: string;
  readonly 'mlx-python': string;
  readonly 'mlx-model': string;
}

/** For one sequence. */
export function peers(flags: PeerFlags, options: OursOptions): Contender[] {
  return among(flags, options, llamaCpp);
}

/** For many sequences that decode together. */
export function batchedPeers(flags: PeerFlags, options: OursOptions): Contender[] {
  return among(flags, options, llamaBatched);
}

function among(flags: PeerFlags, { model, threads }: OursOptions, llama: typeof llamaCpp): Contender[] {
  const found: Contender[] = [];
  if (flags.llama !== '') found.push(llama(flags.llama, model, threads));
  if (flags['mlx-python'] !== '' && flags['mlx-model'] !== '') found.push(mlxLm(flags['mlx-python'], flags['mlx-model']));
  return found;
}
