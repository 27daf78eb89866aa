import { median } from '#src/bench/statistics/median.js';
import { figure, type Table, table } from './table.js';
import { label, type Contender, type Workload } from './workload.js';

export interface ThroughputRow {
  readonly workload: Workload;
  /** Median tokens/s per contender, in the order of `contenders`. */
  readonly medians: readonly number[];
}

/**
 * Runs every workload `rounds` times, the contenders in turn (A B C A B C ...), so that a machine whose speed drifts
 * treats all alike. Quote the ratios.
 */
export async function compareThroughput(
  contenders: readonly Contender[],
  workloads: readonly Workload[],
  rounds: number,
  progress: (line: string) => void,
): Promise<ThroughputRow[]> {
  const rows: ThroughputRow[] = [];
  for (const workload of workloads) {
    const samples = contenders.map((): number[] => []);
    for (let round = 0; round < rounds; round++) {
      for (const [i, contender] of contenders.entries()) {
        const rate = await contender.run(workload);
        if (!Number.isNaN(rate)) samples[i]!.push(rate);
        progress(`${label(workload)}, round ${round + 1}/${rounds}: ${contender.name} ${figure(rate)} tok/s`);
      }
    }
    rows.push({ workload, medians: samples.map(median) });
  }
  return rows;
}

/** Tokens/s per contender, then the ratio of the first contender to each other one. */
export function throughputTable(contenders: readonly Contender[], rows: readonly ThroughputRow[]): Table {
  const [ours, ...peers] = contenders.map((c) => c.name);
  return table(
    ['tokens/s (median)', ...contenders.map((c) => c.name), ...peers.map((peer) => `${ours} / ${peer}`)],
    rows.map(({ workload, medians }) => [
      label(workload),
      ...medians.map(figure),
      ...medians.slice(1).map((peer) => figure(medians[0]! / peer)),
    ]),
  );
}
