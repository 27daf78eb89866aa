import { eventLoopDelay } from '../event-loop.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

export const loop = verb({
  summary: "delay of Node's event loop while one sequence decodes",
  flags: ENGINE,
  async run(flags) {
    const { p50, p99, max } = await eventLoopDelay(engineOptions(flags));
    return [
      table(
        ['event-loop delay while decoding', 'ms'],
        [
          ['p50', figure(p50)],
          ['p99', figure(p99)],
          ['max', figure(max)],
        ],
      ),
    ];
  },
});
