/** A session step by step: on a terminal one at a time, forward and backward by keys; elsewhere all of them, line by line. */
import type { TurnsBody } from '../../client/agent-bodies.js';
import { isLively } from '../lively.js';
import { palette } from '../palette.js';
import { describeStep } from './describe-step.js';

/** @returns the exit code */
export async function showTurns({ id, data }: TurnsBody, write: (line: string) => void): Promise<number> {
  if (data.length === 0) {
    write(`${id} has had no turn yet.`);
    return 0;
  }
  const steps = data.map((step) => describeStep(step, data.length));
  if (isLively()) {
    process.env['NODE_ENV'] ??= 'production'; // React's development build keeps a record of every drawing
    const { showSteps } = await import('./step-screen.js');
    return showSteps(id, steps, { stdin: process.stdin, stdout: process.stdout, chalk: palette('stdout') });
  }
  write(id);
  for (const line of steps.flat()) write(line);
  return 0;
}
