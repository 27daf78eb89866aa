import { locateModel } from '#src/adapters/hub/locate-model.js';

import { ANSWER_TOKENS, bodyOf, dialectCost } from '../dialect.js';
import { ProbedDaemon } from '../server-overhead.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

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
      const delay = await daemon.delayWhile(async (base) => {
        for (let i = 0; i < Number(flags.times); i++) await count(base);
      });
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
          [`event-loop delay of the daemon while it counts the tokens of ${body.length} bytes, ${flags.times} times`, 'ms'],
          [
            ['p50', figure(delay.p50)],
            ['p99', figure(delay.p99)],
            ['max', figure(delay.max)],
          ],
        ),
      ];
    } finally {
      await daemon.stop();
    }
  },
});
