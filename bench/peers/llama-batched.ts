import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import type { Contender, Workload } from '../workload.js';

const run = promisify(execFile);

/** llama.cpp's own `llama-batched-bench` on the same GGUF file, flash attention on, its default f16 KV: decode of many sequences. */
export function llamaBatched(binFolder: string, modelFile: string, threads: number): Contender {
  return {
    name: 'llama.cpp',
    async run({ kind, tokens, depth, sequences }: Workload): Promise<number> {
      if (kind !== 'decode' || depth === 0) return Number.NaN; // it wants a prompt
      const context = sequences * (depth + tokens);
      const { stdout } = await run(join(binFolder, 'llama-batched-bench'), [
        ...['-m', modelFile, '-t', `${threads}`, '-fa', 'on', '-c', `${Math.max(512, context)}`],
        ...['-npp', `${depth}`, '-ntg', `${tokens}`, '-npl', `${sequences}`, '--output-format', 'jsonl'],
      ]);
      const row = JSON.parse(stdout.trim()) as { speed_tg: number };
      return row.speed_tg;
    },
    async close() {},
  };
}
