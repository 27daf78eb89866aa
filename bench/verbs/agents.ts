import { writeFileSync } from 'node:fs';

import { lineChart } from '#src/bench/report/line-chart.js';
import { ours } from '../ours.js';
import { batchedPeers } from '../peers/peers.js';
import { compareThroughput, throughputTable, type ThroughputRow } from '../throughput.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';
import type { Contender, Workload } from '../workload.js';

export const agents = verb({
  summary: 'tokens/s of many agents decoding together, beside llama-batched-bench (--llama FOLDER) and mlx-lm; --plot FILE.svg draws them',
  flags: {
    ...ENGINE,
    agents: '1,2,4,8,16',
    depth: '128', // tokens of context each has
    decode: '64',
    rounds: '3',
    plot: '',
    llama: '',
    'mlx-python': '',
    'mlx-model': '',
  },
  async run(flags, progress) {
    const options = engineOptions(flags);
    const contenders = [await ours(options), ...batchedPeers(flags, options)];
    const workloads = numbers(flags.agents).map((sequences): Workload => ({
      kind: 'decode',
      tokens: Number(flags.decode),
      depth: Number(flags.depth),
      sequences,
    }));
    const rows = await compareThroughput(contenders, workloads, Number(flags.rounds), progress);
    for (const contender of contenders) await contender.close();
    if (flags.plot !== '') writeFileSync(flags.plot, plot(contenders, rows, flags));
    return [throughputTable(contenders, rows)];
  },
});

function plot(
  contenders: readonly Contender[],
  rows: readonly ThroughputRow[],
  flags: { model: string; threads: string; depth: string },
): string {
  return lineChart({
    title: `${flags.model}, ${flags.threads} threads, ${flags.depth} tokens of context each`,
    xLabel: 'agents decoding together',
    yLabel: 'tokens/s of all of them',
    series: contenders.map(({ name }, i) => ({
      name,
      points: rows.map(({ workload, medians }) => ({ x: workload.sequences, y: medians[i]! })).filter(({ y }) => !Number.isNaN(y)),
    })),
  });
}
