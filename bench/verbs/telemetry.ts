import { performance } from 'node:perf_hooks';

import { DaemonMetrics } from '#src/adapters/metrics/daemon-metrics.js';
import { GREEDY } from '#src/core/domain/sampling.js';

import { median } from '../median.js';
import { decode, openModel, prefill } from '../ours.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

const CALLS = 200_000;
const SCRAPES = 50;
const NOTHING = {
  engines: [
    { model: 'm', waiting: 0, running: 1, poolUsedBytes: 1, poolTotalBytes: 2, prefillTokensPerSecond: 0, decodeTokensPerSecond: 0 },
  ],
  agents: 0,
  memory: { weights: 0, kv: 0, heap: 0, resident: 0, budget: 0 },
  store: { bytes: 0, deadBytes: 0, maxBytes: 0, isSuspended: false },
  swaps: [],
  upSeconds: 0,
};

export const telemetry = verb({
  summary: 'what counting for metrics takes of a decode step, and what a scrape holds the event loop for',
  flags: { ...ENGINE, decode: '200' },
  async run(flags) {
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
