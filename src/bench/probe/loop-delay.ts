import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const RESOLUTION_MS = 1;

/** Delay of Node's event loop beyond a 1 ms timer, milliseconds. */
export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export function watchLoop(): IntervalHistogram {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  return histogram;
}

export function loopDelay(histogram: IntervalHistogram): LoopDelay {
  const beyondTimer = (nanos: number): number => Math.max(0, nanos / 1e6 - RESOLUTION_MS);
  return { p50: beyondTimer(histogram.percentile(50)), p99: beyondTimer(histogram.percentile(99)), max: beyondTimer(histogram.max) };
}

/** Of a loop that has nothing to do while so many threads are busy for `millis`: what the machine adds to any other one. */
export async function idleDelay(threads: number, millis: number): Promise<LoopDelay> {
  const busy = 'for (;;) { const list = []; for (let i = 0; i < 1e5; i++) list.push(2 * i); }';
  const workers = Array.from({ length: threads }, () => new Worker(busy, { eval: true }));
  await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('online', resolve))));
  await sleep(500); // until they are compiled
  const histogram = watchLoop();
  await sleep(millis);
  histogram.disable();
  await Promise.all(workers.map((worker) => worker.terminate()));
  return loopDelay(histogram);
}
