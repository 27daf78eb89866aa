import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Contender, Workload } from '../workload.js';

const run = promisify(execFile);

/** llama.cpp's own `llama-bench` on the same GGUF file, flash attention on, its default f16 KV. */
export function llamaCpp(binFolder: string, modelFile: string, threads: number): Contender {
  return {
    name: 'llama.cpp',
    async run(w: Workload): Promise<number> {
      if (w.sequences > 1) return Number.NaN; // that is what llama-batched-bench is for
      const size = w.kind === 'prefill' ? ['-p', `${w.tokens}`, '-n', '0'] : ['-p', '0', '-n', `${w.tokens}`];
      const { stdout } = await run(join(binFolder, 'llama-bench'), [
        ...['-m', modelFile, '-t', `${threads}`, '-fa', '1', '-r', '1', '-d', `${w.depth}`, '-o', 'json'],
        ...size,
      ]);
      const rows = JSON.parse(stdout) as { avg_ts: number }[];
      return rows[0]!.avg_ts;
    },
    async close() {},
  };
}
