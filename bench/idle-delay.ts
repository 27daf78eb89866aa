import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

import { type LoopDelay, loopDelay, watchLoop } from '#src/bench/probe/loop-delay.js';

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
