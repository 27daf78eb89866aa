import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import type { Contender, Workload } from '../workload.js';

const run = promisify(execFile);
const script = fileURLToPath(new URL('../../../peers/mlx_lm_bench.py', import.meta.url)); // from bench/dist/bench/peers

/** mlx-lm on MLX's CPU device: the stock wheel, weights as `modelFolder` holds them. */
export function mlxLm(python: string, modelFolder: string): Contender {
  return {
    name: 'mlx-lm',
    async run(w: Workload): Promise<number> {
      if (w.sequences * w.depth > 4096) return Number.NaN; // minutes per sample
      const tokens = w.kind === 'prefill' ? Math.min(w.tokens, 128) : Math.min(w.tokens, 16);
      const { stdout } = await run(python, [script, modelFolder, w.kind, `${tokens}`, `${w.depth}`, `${w.sequences}`]);
      return Number(stdout);
    },
    async close() {},
  };
}
