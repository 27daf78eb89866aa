import { forkCost, type ForkCost } from '../fork-cost.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';

export const fork = verb({
  summary: '--forks children of a sequence of --tokens tokens: time, memory, and decoding together',
  // At the end of a block, and inside one.
  flags: { ...ENGINE, tokens: '4096,4196', forks: '10', decode: '64', rounds: '3' },
  async run(flags) {
    const [forks, steps, rounds] = [Number(flags.forks), Number(flags.decode), Number(flags.rounds)];
    const options = engineOptions(flags);
    const costs: ForkCost[] = [];
    for (const tokens of numbers(flags.tokens)) costs.push(await forkCost(options, tokens, forks, steps, rounds));
    const row = (name: string, of: (cost: ForkCost) => number): string[] => [name, ...costs.map((cost) => figure(of(cost)))];
    const beyond = `KV of all but what ${forks} x ${steps} new tokens take, against that of one`;
    return [
      table(
        [`${forks} forks, ${options.executor}, kv ${options.kvFormat}`, ...costs.map(({ tokens }) => `of ${tokens} tokens`)],
        [
          row('forking, together, ms', (c) => c.forkMillis),
          row('KV allocated and copied by it, bytes', (c) => c.forkedBytes),
          row('KV of the one sequence, MB', (c) => c.parentBytes / 1e6),
          row('KV of all after decoding, MB', (c) => c.familyBytes / 1e6),
          row('copied by their first step, MB', (c) => c.copiedBytes / 1e6),
          row(beyond, (c) => (c.familyBytes - c.newTokenBytes) / c.parentBytes),
          row('a step of all forks, ms', (c) => c.stepMillis),
        ],
      ),
    ];
  },
});
