import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { COMPUTES } from '#src/core/domain/compute.js';

import { firstTokens, score, type Divergence } from '#src/bench/quality/divergence.js';
import { openModel, ours, type OpenedModel, type OursOptions } from '../ours.js';
import { batchedPeers, peers } from '../peers/peers.js';
import { figure, table, type Table } from '../table.js';
import { compareThroughput, type ThroughputRow } from '../throughput.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';
import { label, type Contender, type Workload } from '../workload.js';

const { compute: _compute, ...engine } = ENGINE;

export const compute = verb({
  summary:
    'what int8 activations cost and bring: KL to exact over --score tokens of --text (0 = none), prefill and decode, beside llama.cpp',
  flags: {
    ...engine,
    text: fileURLToPath(new URL('../../../../docs/architecture.md', import.meta.url)),
    score: '2000',
    rounds: '3',
    prefill: '512,4096', // '' = none
    decode: '64',
    depths: '0,4096',
    sequences: '1', // '' = no decoding
    llama: '',
  },
  async run(flags, progress) {
    const options = engineOptions({ ...flags, compute: 'exact' });
    const tables: Table[] = [];
    const scored = Number(flags.score);
    if (scored > 0) tables.push(qualityTable(scored, await quality(options, readFileSync(flags.text, 'utf8'), scored)));
    const prefills = flags.prefill === '' ? [] : numbers(flags.prefill);
    const alone = prefills.map((tokens): Workload => ({ kind: 'prefill', tokens, depth: 0, sequences: 1 }));
    const many: Workload[] = [];
    for (const sequences of flags.sequences === '' ? [] : numbers(flags.sequences)) {
      for (const depth of numbers(flags.depths)) {
        (sequences === 1 ? alone : many).push({ kind: 'decode', tokens: Number(flags.decode), depth, sequences });
      }
    }
    const contenders: Contender[] = [];
    for (const each of COMPUTES) contenders.push({ ...(await ours({ ...options, compute: each })), name: each });
    const found = { ...flags, 'mlx-python': '', 'mlx-model': '' };
    for (const [workloads, others] of [
      [alone, peers(found, options)],
      [many, batchedPeers(found, options)],
    ] as const) {
      if (workloads.length === 0) continue;
      const all = [...contenders, ...others];
      tables.push(speedTable(all, await compareThroughput(all, workloads, Number(flags.rounds), progress)));
    }
    for (const contender of contenders) await contender.close();
    return tables;
  },
});

/** Of every setting, in the order of COMPUTES, whose first is exact. */
async function quality(options: OursOptions, text: string, tokens: number): Promise<Divergence[]> {
  const ids = await firstTokens(options.model, text, tokens);
  const opened: OpenedModel[] = [];
  for (const each of COMPUTES) opened.push(await openModel({ ...options, compute: each }));
  const scores = await score(opened, ids);
  for (const { native } of opened) await native.close();
  return scores;
}

function qualityTable(tokens: number, scores: readonly Divergence[]): Table {
  return table(
    [`compute, ${tokens} tokens`, 'mean KL to exact, nats', 'largest', 'same best token'],
    scores.map((s, i) => [
      `\`${COMPUTES[i]!}\``,
      s.meanKl.toExponential(1),
      s.largestKl.toExponential(1),
      `${(100 * s.agreement).toFixed(1)} %`,
    ]),
  );
}

/** Tokens/s, then what each is to exact, and to the peers. */
function speedTable(contenders: readonly Contender[], rows: readonly ThroughputRow[]): Table {
  const names = contenders.map(({ name }) => name);
  const ratios = names.flatMap((name, i) =>
    (name === 'exact' ? [] : [0]).concat(names.map((_, peer) => peer).slice(COMPUTES.length)).map((to) => [i, to] as const),
  );
  const wanted = ratios.filter(([of, to]) => of < COMPUTES.length && of !== to);
  return table(
    ['tokens/s (median)', ...names, ...wanted.map(([of, to]) => `${names[of]!} / ${names[to]!}`)],
    rows.map(({ workload, medians }) => [
      label(workload),
      ...medians.map(figure),
      ...wanted.map(([of, to]) => figure(medians[of]! / medians[to]!)),
    ]),
  );
}
