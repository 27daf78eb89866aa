import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';

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
