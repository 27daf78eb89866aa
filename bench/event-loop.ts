import { monitorEventLoopDelay } from 'node:perf_hooks';

import { GREEDY } from '#src/core/domain/sampling.js';

import { decode, openModel, type OursOptions } from './ours.js';

const STEPS = 400;
const RESOLUTION_MS = 1;

/** Delay of Node's event loop beyond its 1 ms timer while the engine decodes, milliseconds. */
export async function eventLoopDelay(options: OursOptions): Promise<{ p50: number; p99: number; max: number }> {
  const { native, runner } = await openModel(options);
  const sequence = await runner.createSequence(GREEDY);
  await decode(runner, [sequence], 20);
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  await decode(runner, [sequence], STEPS);
  histogram.disable();
  await native.close();
  const beyondTimer = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
  return { p50: beyondTimer(histogram.percentile(50)), p99: beyondTimer(histogram.percentile(99)), max: beyondTimer(histogram.max) };
}
