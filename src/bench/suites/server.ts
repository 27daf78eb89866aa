import { existsSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LoopDelay } from '../probe/loop-delay.js';
import { allSettled } from './all-settled.js';
import { type BenchCase, measure, shown, type Suite, type SuiteOptions } from './suite.js';
import { type InUse, usingDaemon } from './using-daemon.js';

const PROBE = new URL('../probe/loop-probe.js', import.meta.url).href;
const POLL_MS = 5;

export const server: Suite = {
  name: 'server',
  summary: 'what the daemon adds to a token beside the native engine, and how long its event loop stands still',
  of: 'own',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: (options) => [caseOf(options)],
};

function caseOf({ quick, contextTokens }: SuiteOptions): BenchCase {
  const tokens = Math.min(quick ? 32 : 256, contextTokens - 64);
  const agents = quick ? 2 : 16;
  return {
    name: `an answer of ${tokens} tokens, then ${agents} agents`,
    x: null,
    measures: [
      shown('overhead', '%', 'lower'),
      measure('overhead per token', 'ms', 'lower'),
      shown('loop p50', 'ms', 'lower'),
      shown('loop p99', 'ms', 'lower'),
      shown('loop max', 'ms', 'lower'),
    ],
    cost: { promptTokens: 16 * agents, outputTokens: tokens * (1 + agents / 2), seconds: 3 },
    async run(target, { seed, signal }) {
      const file = join(tmpdir(), `semantic-bench-loop-${process.pid}-${seed}-${target.name}.json`);
      const environment = { NODE_OPTIONS: `--import=${PROBE}`, BENCH_LOOP_FILE: file, SEMANTIC_STORE_ENABLED: 'false' };
      try {
        return await usingDaemon(target, { environment }, signal, async (daemon) => {
          const ask = (number: number, maxTokens: number) =>
            daemon.chat(
              { messages: [{ role: 'user', content: `Write a long story about the number ${number}.` }], maxTokens, cache: false },
              { signal },
            );
          await ask(0, 8);
          const before = (await daemon.daemon.scheduler()).totals.step_ms;
          const { sentAt, endedAt, completionTokens } = await ask(1, tokens);
          const native = ((await daemon.daemon.scheduler()).totals.step_ms - before) / completionTokens;
          const wall = (endedAt - sentAt) / completionTokens;
          await loopDelay(daemon, file, signal); // what was before does not count
          await allSettled(Array.from({ length: agents }, (_, i) => ask(2 + i, Math.ceil(tokens / 2))));
          const { p50, p99, max } = await loopDelay(daemon, file, signal);
          return {
            overhead: 100 * (1 - native / wall),
            'overhead per token': wall - native,
            'loop p50': p50,
            'loop p99': p99,
            'loop max': max,
          };
        });
      } finally {
        rmSync(file, { force: true });
      }
    },
  };
}

/** Since it was last asked. */
async function loopDelay({ daemon }: InUse, file: string, signal: AbortSignal): Promise<LoopDelay> {
  rmSync(file, { force: true });
  process.kill(daemon.pid, 'SIGUSR2');
  while (!existsSync(file)) await sleep(POLL_MS, undefined, { signal });
  return JSON.parse(readFileSync(file, 'utf8')) as LoopDelay;
}
