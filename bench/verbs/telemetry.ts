import { performance } from 'node:perf_hooks';

import { DaemonMetrics } from '#src/adapters/metrics/daemon-metrics.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import { median } from '#src/bench/statistics/median.js';
import { decode, openModel, prefill } from '../ours.js';
import { figure, type Table, table } from '../table.js';
import { ENGINE, engineOptions, type Progress, verb } from '../verb.js';
import { WatchedDecode } from '../watched-decode.js';

const CALLS = 200_000;
const SCRAPES = 50;
const NOTHING = {
  engines: [
    { model: 'm', waiting: 0, running: 1, poolUsedBytes: 1, poolTotalBytes: 2, prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 },
  ],
  agents: 0,
  agentTokens: new Map(),
  memory: { weights: 0, kv: 0, heap: 0, resident: 0, budget: 0 },
  store: { bytes: 0, deadBytes: 0, maxBytes: 0, isSuspended: false, evicted: 0 },
  swaps: [],
  upSeconds: 0,
};

export const telemetry = verb({
  summary:
    'decode speed with metrics, log and traces beside that without, what counting takes of a step, and what a scrape holds the event loop for',
  flags: { ...ENGINE, decode: '200', rounds: '15' },
  async run(flags, progress) {
    const { native, runner } = await openModel(engineOptions(flags));
    const sequence = await runner.createSequence(GREEDY);
    await prefill(runner, sequence, 64);
    await decode(runner, [sequence], 20);
    const from = performance.now();
    await decode(runner, [sequence], Number(flags.decode));
    const stepMs = (performance.now() - from) / Number(flags.decode);
    await native.close();

    const metrics = new DaemonMetrics(() => NOTHING);
    const observer = metrics.observerOf('m');
    const count = (): number => {
      const start = performance.now();
      for (let i = 0; i < CALLS; i++) {
        observer.step(1, 1, 0);
        observer.gap(5);
      }
      return (performance.now() - start) / CALLS;
    };
    count();
    const countMs = median([count(), count(), count()]);
    const scrapes: number[] = [];
    for (let i = 0; i < SCRAPES; i++) {
      const start = performance.now();
      await metrics.page(undefined);
      scrapes.push(performance.now() - start);
    }
    metrics.close();
    return [
      await paired(flags, progress),
      table(
        ['metrics', ''],
        [
          ['a decode step of one sequence, ms', figure(stepMs)],
          ['counting it and its token, ms', figure(countMs)],
          ['of the step, %', figure((100 * countMs) / stepMs)],
          ['a scrape, ms', figure(median(scrapes))],
        ],
      ),
    ];
  },
});

/** Answers in turn, the one that goes first changing with every round, so that what the machine does meanwhile falls on both. */
async function paired(flags: typeof ENGINE & { readonly decode: string; readonly rounds: string }, progress: Progress): Promise<Table> {
  const [tokens, rounds] = [Number(flags.decode), Number(flags.rounds)];
  const decoding = await WatchedDecode.start(flags);
  const [plain, watched, lost]: [number[], number[], number[]] = [[], [], []];
  const takes = [async () => plain.push(await decoding.plainly(tokens)), async () => watched.push(await decoding.watchedly(tokens))];
  try {
    await decoding.plainly(tokens);
    await decoding.watchedly(tokens);
    for (let round = 0; round < rounds; round++) {
      for (const take of round % 2 === 0 ? takes : takes.toReversed()) await take();
      lost.push(100 * (1 - watched.at(-1)! / plain.at(-1)!));
      progress(`round ${round + 1}: ${figure(plain.at(-1))} tokens/s, watched ${figure(watched.at(-1))}, ${figure(lost.at(-1))} % less`);
    }
  } finally {
    await decoding.close();
  }
  const sorted = lost.toSorted((a, b) => a - b);
  const quartile = (share: number): string => figure(sorted[Math.floor((sorted.length - 1) * share)]);
  return table(
    [`decoding ${tokens} tokens, one sequence, ${rounds} pairs`, ''],
    [
      ['nobody watches, tokens/s', figure(median(plain))],
      ['metrics, log at info and traces, tokens/s', figure(median(watched))],
      ['slower by, median of the pairs, %', figure(median(lost))],
      ['quartiles of the pairs, %', `${quartile(0.25)} .. ${quartile(0.75)}`],
    ],
  );
}
