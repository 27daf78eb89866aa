import { kvStoreTimes } from '../kv-store.js';
import { figure, table } from '../table.js';
import { verb } from '../verb.js';

export const store = verb({
  summary: 'the index of blocks on disk: commits, opening, purging',
  flags: { blocks: '10000', rounds: '5' },
  async run(flags) {
    const t = await kvStoreTimes(Number(flags.blocks), Math.max(Number(flags.rounds), 5));
    return [
      table(
        ['blocks on disk', ''],
        [
          ['durable commit of 20 blocks of 4 KB, median', `${figure(t.commitMillis)} ms`],
          ['the same, 95th percentile', `${figure(t.commitMillis95)} ms`],
          ['commits, one after the other', `${figure(t.commitsPerSecond)} a second`],
          ['longest the event loop stood still meanwhile', `${figure(t.loopMillis)} ms`],
          [`opening a store of ${t.blocks} blocks, median`, `${figure(t.openMillis)} ms`],
          ['purging an agent of 20 blocks from it', `${figure(t.purgeMillis)} ms`],
        ],
      ),
    ];
  },
});
