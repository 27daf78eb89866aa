import { firstTokenMillis } from '../targets/stream-chat.js';
import { type BenchCase, lengthsWithin, measure, type Suite, tokensAxis } from './suite.js';

const LENGTHS = [512, 2_048, 4_096];

export const prefill: Suite = {
  name: 'prefill',
  summary: 'tokens/s at which a prompt that nobody has seen is read',
  of: 'any',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: ({ quick, contextTokens }) => lengthsWithin(quick ? [128] : LENGTHS, contextTokens, 16).map(caseOf),
};

function caseOf(tokens: number): BenchCase {
  return {
    name: `${tokens} tokens`,
    x: tokensAxis(tokens),
    measures: [measure('rate', 'tokens/s', 'higher')],
    cost: { promptTokens: tokens, outputTokens: 1, seconds: 0 },
    async run(target, { prompts, seed, signal }) {
      const content = prompts.text(tokens, seed);
      const answer = await target.chat({ messages: [{ role: 'user', content }], maxTokens: 1, cache: false }, { signal });
      const read = answer.promptTokens > 0 ? answer.promptTokens : tokens;
      return { rate: (read * 1000) / firstTokenMillis(answer) };
    },
  };
}
