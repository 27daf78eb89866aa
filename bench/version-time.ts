import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { promisify } from 'node:util';

import { median } from '#src/bench/statistics/median.js';

const run = promisify(execFile);

/** Median wall time of `semantic --version` as a whole process, and of `node -e 0` beside it, milliseconds. */
export async function versionTime(binary: string, rounds: number): Promise<{ semantic: number; node: number }> {
  const time = async (args: readonly string[]): Promise<number> => {
    const start = performance.now();
    await run(process.execPath, [...args]);
    return performance.now() - start;
  };
  const semantic: number[] = [];
  const node: number[] = [];
  for (let i = 0; i < rounds; i++) {
    semantic.push(await time([binary, '--version']));
    node.push(await time(['-e', '0']));
  }
  return { semantic: median(semantic), node: median(node) };
}
