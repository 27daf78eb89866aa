import { ours } from '../ours.js';
import { peers } from '../peers/peers.js';
import { compareThroughput, throughputTable } from '../throughput.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';
import type { Workload } from '../workload.js';

export const throughput = verb({
  summary: 'prefill and decode, beside llama.cpp (--llama FOLDER) and mlx-lm (--mlx-python, --mlx-model)',
  flags: {
    ...ENGINE,
    rounds: '3',
    prefill: '512,4096',
    decode: '64',
    depths: '0,4096',
    sequences: '1',
    llama: '',
    'mlx-python': '',
    'mlx-model': '',
  },
  async run(flags, progress) {
    const options = engineOptions(flags);
    const all = [await ours(options), ...peers(flags, options)];
    const workloads: Workload[] = [
      ...numbers(flags.prefill).map((tokens): Workload => ({ kind: 'prefill', tokens, depth: 0, sequences: 1 })),
      ...numbers(flags.sequences).flatMap((sequences) =>
        numbers(flags.depths).map((depth): Workload => ({ kind: 'decode', tokens: Number(flags.decode), depth, sequences })),
      ),
    ];
    const rows = await compareThroughput(all, workloads, Number(flags.rounds), progress);
    for (const contender of all) await contender.close();
    return [throughputTable(all, rows)];
  },
});
