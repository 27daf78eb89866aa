import { parkingCost } from '../parking-cost.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

export const parking = verb({
  summary: 'decoding while the KV of another conversation of --tokens tokens is stored',
  flags: { ...ENGINE, tokens: '4096', decode: '64', rounds: '3' },
  async run(flags) {
    const c = await parkingCost(engineOptions(flags), Number(flags.tokens), Number(flags.decode), Number(flags.rounds));
    return [
      table(
        [`decoding ${flags.decode} tokens while ${figure(c.storedBytes / 1e6)} MB of another conversation are stored`, ''],
        [
          ['alone', `${figure(c.alone)} tok/s`],
          ['meanwhile', `${figure(c.meanwhile)} tok/s`],
          ['meanwhile / alone (median of pairs)', figure(c.meanwhile / c.alone)],
          ['stored after', `${figure(c.storeMillis)} ms`],
        ],
      ),
    ];
  },
});
