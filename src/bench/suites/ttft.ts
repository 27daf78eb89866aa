import { firstTokenMillis, type Message } from '../targets/stream-chat.js';
import { type BenchCase, lengthsWithin, measure, shown, type Suite, tokensAxis } from './suite.js';

const LENGTHS = [1_024, 2_048, 4_096, 8_192, 16_384, 32_768];
const ANSWER = 8;
const FOLLOW_UP = 'Which of these words came last?';

export const ttft: Suite = {
  name: 'ttft',
  summary: 'time to first token: cold, hot (the turn before is in memory), warm (restored from disk after a restart)',
  of: 'any',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: ({ quick, contextTokens }) => lengthsWithin(quick ? [256] : LENGTHS, contextTokens, 64).map(caseOf),
};

function caseOf(tokens: number): BenchCase {
  return {
    name: `${tokens} tokens`,
    x: tokensAxis(tokens),
    measures: [
      measure('cold', 'ms', 'lower'),
      measure('hot', 'ms', 'lower'),
      measure('warm', 'ms', 'lower'),
      shown('hot reused', '%', 'higher'),
      shown('warm reused', '%', 'higher'),
    ],
    cost: { promptTokens: tokens, outputTokens: ANSWER + 2, seconds: 2 },
    async run(target, { prompts, seed, signal }) {
      const session = `bench-${seed}-${tokens}`;
      const first: Message[] = [{ role: 'user', content: prompts.text(tokens, seed) }];
      const cold = await target.chat({ messages: first, maxTokens: ANSWER, session }, { signal });
      const next: Message[] = [...first, { role: 'assistant', content: cold.text }, { role: 'user', content: FOLLOW_UP }];
      const second = { messages: next, maxTokens: 1, session };
      const hot = await target.chat(second, { signal });
      const there = { cold: firstTokenMillis(cold), hot: firstTokenMillis(hot), 'hot reused': reused(hot) };
      const { own } = target;
      if (own === null || own.binary === null) return { ...there, warm: null, 'warm reused': null };
      await own.daemon.stored();
      await own.restart(signal);
      const warm = await target.chat(second, { signal });
      return { ...there, warm: firstTokenMillis(warm), 'warm reused': reused(warm) };
    },
  };
}

function reused({ cachedTokens, promptTokens }: { readonly cachedTokens: number; readonly promptTokens: number }): number | null {
  return promptTokens === 0 ? null : (100 * cachedTokens) / promptTokens;
}
