import { daemonMemory } from '../daemon-memory.js';
import { figure, table } from '../table.js';
import { BINARY, daemonFlags, ENGINE, verb } from '../verb.js';

const PROMPT_WORDS = 1500;

export const memory = verb({
  summary: 'peak resident set of the daemon over one long prompt',
  flags: ENGINE,
  async run(flags) {
    const m = await daemonMemory(BINARY, flags.model, daemonFlags(flags), PROMPT_WORDS);
    return [
      table(
        [`daemon, one request with ${m.promptTokens} prompt tokens`, ''],
        [
          ['ready after', `${figure(m.readyMillis)} ms`],
          ['peak resident set', `${figure(m.peakMB)} MB`],
          ['weights', `${figure(m.weightMB)} MB`],
          ['KV', `${figure(m.kvMB)} MB`],
          ['peak - weights - KV', `${figure(m.overheadMB)} MB`],
        ],
      ),
    ];
  },
});
