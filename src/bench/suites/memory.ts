import { type BenchCase, lengthsWithin, measure, shown, type Suite, type SuiteOptions } from './suite.js';
import { usingDaemon } from './using-daemon.js';

export const memory: Suite = {
  name: 'memory',
  summary: 'bytes of KV an agent keeps, beside what padding each to the whole context would take',
  of: 'own',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: (options) => [caseOf(options)],
};

function caseOf(options: SuiteOptions): BenchCase {
  const agents = options.quick ? 2 : 16;
  const tokens = lengthsWithin([options.quick ? 128 : 512], options.contextTokens, 32)[0]!;
  return {
    name: `${agents} agents of ${tokens} tokens`,
    x: null,
    measures: [measure('per agent', 'bytes', 'lower'), measure('of padding', '%', 'lower'), shown('resident', 'bytes', 'lower')],
    cost: { promptTokens: agents * tokens, outputTokens: agents, seconds: 2 },
    run: (target, { prompts, seed, signal }) =>
      usingDaemon(target, { environment: { SEMANTIC_STORE_ENABLED: 'false' } }, signal, async ({ chat, daemon }) => {
        for (let i = 0; i < agents; i++) {
          const content = prompts.text(tokens, seed * 100 + i);
          await chat({ messages: [{ role: 'user', content }], maxTokens: 1, session: `agent-${i}` }, { signal });
        }
        const { kvBytes, kvBytesPerToken, contextTokens, residentBytes } = await daemon.status();
        return {
          'per agent': kvBytes / agents,
          'of padding': (100 * kvBytes) / (agents * contextTokens * kvBytesPerToken),
          resident: residentBytes,
        };
      }),
  };
}
