import { GREEDY } from '#src/core/domain/sampling.js';

import { type LoopDelay, loopDelay, watchLoop } from '#src/bench/probe/loop-delay.js';
import { decode, openModel, type OursOptions } from './ours.js';

const STEPS = 400;

/** While the engine decodes one sequence in this process. */
export async function eventLoopDelay(options: OursOptions): Promise<LoopDelay> {
  const { native, runner } = await openModel(options);
  const sequence = await runner.createSequence(GREEDY);
  await decode(runner, [sequence], 20);
  const histogram = watchLoop();
  await decode(runner, [sequence], STEPS);
  histogram.disable();
  await native.close();
  return loopDelay(histogram);
}
