import { locateModel } from '#src/adapters/hub/locate-model.js';

import { ANSWER_TOKENS, bodyOf, dialectCost } from '../dialect.js';
import { idleDelay } from '../idle-delay.js';
import { ProbedDaemon } from '../server-overhead.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

/** As the daemon has beside its loop: one that renders, one that encodes. */
const BUSY = 2;

export const dialect = verb({
  summary: 'what the Messages dialect adds to a request of 50 kB, and how long a body of --bytes holds the event loop of the daemon',
  flags: { ...ENGINE, rounds: '200', bytes: '2000000', times: '10' },
  async run(flags, progress) {
    const cost = await dialectCost(locateModel(flags.model).path, Number(flags.rounds));
    const body = bodyOf(Number(flags.bytes));
    const daemon = await ProbedDaemon.start(BINARY, flags.model, daemonFlags(flags), 1);
    try {
      const count = async (base: string): Promise<void> => {
        const response = await fetch(`${base}/v1/messages/count_tokens`, { method: 'POST', body });
        progress(`${body.length} bytes: ${response.status} ${await response.text()}`);
        if (!response.ok) throw new Error('the body was not counted');
      };
      await daemon.delayWhile(count); // what is compiled on its first use
      const from = performance.now();
      const delay = await daemon.delayWhile(async (base) => {
        for (let i = 0; i < Number(flags.times); i++) await count(base);
      });
      const idle = await idleDelay(BUSY, performance.now() - from);
      return [
        table(
          [`a request of ${cost.bodyBytes} bytes, ${cost.promptTokens} tokens; p50 of ${flags.rounds}`, 'ms'],
          [
            ['dialect, both ways', figure(cost.reading + cost.writing)],
            ['of it JSON, schema and conversation', figure(cost.reading)],
            [`of it the events of ${ANSWER_TOKENS} tokens`, figure(cost.writing)],
            ['rendering, in its thread', figure(cost.rendering)],
            ['tokenising, in slices', figure(cost.tokenising)],
          ],
        ),
        table(
          [
            `event-loop delay while the tokens of ${body.length} bytes are counted, ${flags.times} times, ms`,
            'of the daemon',
            `of an idle loop beside ${BUSY} busy threads for as long`,
          ],
          [
            ['p50', figure(delay.p50), figure(idle.p50)],
            ['p99', figure(delay.p99), figure(idle.p99)],
            ['max', figure(delay.max), figure(idle.max)],
          ],
        ),
      ];
    } finally {
      await daemon.stop();
    }
  },
});
