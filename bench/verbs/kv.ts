import { kvDomainTimes } from '../kv-domain.js';
import { figure, table } from '../table.js';
import { verb } from '../verb.js';

export const kv = verb({
  summary: 'bookkeeping of KV memory: block pool and prefix index',
  flags: { rounds: '101' },
  async run(flags) {
    const t = kvDomainTimes(Number(flags.rounds));
    return [
      table(
        ['bookkeeping of KV memory (median)', 'ms'],
        [
          ['allocate 1,000 blocks of two layer kinds', figure(t.allocate)],
          ['free them', figure(t.free)],
          ['put a list of 8,192 tokens into the prefix index', figure(t.add)],
          ['find one of 1,000 that share 4,096 tokens, by the index', figure(t.find)],
          ['the same by a scan', figure(t.scan)],
        ],
      ),
    ];
  },
});
