import { sharedPrefix } from '../shared-prefix.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

export const shared = verb({
  summary: '--agents that share a prefix of --tokens tokens, against as many with a copy each',
  flags: { ...ENGINE, agents: '8', tokens: '4096', decode: '32', rounds: '3' },
  async run(flags) {
    const [agents, tokens, steps, rounds] = [flags.agents, flags.tokens, flags.decode, flags.rounds].map(Number) as [
      number,
      number,
      number,
      number,
    ];
    const s = await sharedPrefix(engineOptions(flags), { agents, tokens, steps, rounds });
    return [
      table(
        [`${agents} agents after ${tokens} tokens, ${steps} tokens each`, 'a copy each', 'one prefix', 'one prefix / a copy each'],
        [
          ['tokens/s of all', figure(s.privateRate), figure(s.sharedRate), figure(s.sharedRate / s.privateRate)],
          ['KV of all, MB', figure(s.privateBytes / 1e6), figure(s.sharedBytes / 1e6), figure(s.sharedBytes / s.privateBytes)],
        ],
      ),
    ];
  },
});
