import { chainCost } from '../chain-cost.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, numbers, verb } from '../verb.js';

export const chain = verb({
  summary: '--links forks behind one another, all of them kept: a decode step at the end, against a sequence that was never forked',
  flags: { ...ENGINE, tokens: '4096', links: '1,4,12', decode: '64', rounds: '3' },
  async run(flags) {
    const options = engineOptions(flags);
    const costs = await chainCost(options, Number(flags.tokens), numbers(flags.links), Number(flags.decode), Number(flags.rounds));
    const never = costs[0]!.stepMillis;
    return [
      table(
        [`${flags.tokens} tokens, ${options.executor}, kv ${options.kvFormat}: forks`, ...costs.map(({ links }) => `${links}`)],
        [
          ['a decode step, ms', ...costs.map(({ stepMillis }) => figure(stepMillis))],
          ['against none', ...costs.map(({ stepMillis }) => figure(stepMillis / never))],
        ],
      ),
    ];
  },
});
