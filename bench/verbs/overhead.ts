import type { LoopDelay } from '#src/bench/probe/loop-delay.js';
import { median } from '#src/bench/statistics/median.js';
import { type OneSequence, ProbedDaemon } from '../server-overhead.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

export const overhead = verb({
  summary: 'what the daemon adds to native steps at one sequence, and the delay of its event loop at --agents',
  flags: { ...ENGINE, agents: '16', decode: '512', 'loop-ms': '10000', rounds: '3' },
  async run(flags, progress) {
    const agents = Number(flags.agents);
    const daemon = await ProbedDaemon.start(BINARY, flags.model, daemonFlags(flags), agents);
    try {
      const runs: (OneSequence & LoopDelay)[] = [];
      for (let round = 0; round < Number(flags.rounds); round++) {
        const one = await daemon.oneSequence(Number(flags.decode));
        const loop = await daemon.loopDelay(agents, Number(flags['loop-ms']));
        progress(`round ${round + 1}: overhead ${figure(100 * (1 - one.native / one.wall))} %, event loop p99 ${figure(loop.p99)} ms`);
        runs.push({ ...one, ...loop });
      }
      const middle = (of: (run: OneSequence & LoopDelay) => number): string => figure(median(runs.map(of)));
      return [
        table(
          [`daemon over HTTP, client on the same machine, ${flags.decode} tokens`, ''],
          [
            ['a token, from the request to the last one, ms', middle(({ wall }) => wall)],
            ['of it inside the native engine, ms', middle(({ native }) => native)],
            ['overhead, %', middle(({ wall, native }) => 100 * (1 - native / wall))],
            [`event-loop delay at ${agents} sequences, p50, ms`, middle(({ p50 }) => p50)],
            ['p99', middle(({ p99 }) => p99)],
            ['max', middle(({ max }) => max)],
          ],
        ),
      ];
    } finally {
      await daemon.stop();
    }
  },
});
