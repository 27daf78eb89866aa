/**
 * Loaded into a daemon with `node --import`: on SIGUSR2 it writes the delays of the event loop since the last one to the file that
 * BENCH_LOOP_FILE names, and begins anew.
 */
import { renameSync, writeFileSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

import { loopDelay, watchLoop } from './loop-delay.js';

const file = process.env['BENCH_LOOP_FILE'];
if (isMainThread && file !== undefined) {
  const histogram = watchLoop();
  process.on('SIGUSR2', () => {
    writeFileSync(`${file}.part`, JSON.stringify(loopDelay(histogram)));
    renameSync(`${file}.part`, file);
    histogram.reset();
  });
}
