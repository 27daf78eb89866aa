import { percentile } from '../statistics/median.js';
import { decodeRate, gapsOf } from '../targets/stream-chat.js';
import { type BenchCase, lengthsWithin, measure, shown, type Suite, type SuiteOptions, tokensAxis } from './suite.js';

const DEPTHS = [128, 1_024, 4_096];
/** The prompt of a case is the same in every round: it is read once, and only writing behind it is timed. */
const SEED = 900;

export const decode: Suite = {
  name: 'decode',
  summary: 'tokens/s of one answer, from its first token on, behind prompts of several lengths',
  of: 'any',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: (options) =>
    lengthsWithin(options.quick ? [64] : DEPTHS, options.contextTokens, answerOf(options)).map((depth) => caseOf(depth, options)),
};

function answerOf({ quick }: SuiteOptions): number {
  return quick ? 24 : 96;
}

function caseOf(depth: number, options: SuiteOptions): BenchCase {
  const maxTokens = answerOf(options);
  return {
    name: `behind ${depth} tokens`,
    x: tokensAxis(depth),
    measures: [measure('rate', 'tokens/s', 'higher'), shown('gap p95', 'ms', 'lower')],
    cost: { promptTokens: 0, outputTokens: maxTokens, seconds: 0 },
    async run(target, { prompts, signal }) {
      const content = prompts.text(depth, SEED + depth);
      const answer = await target.chat({ messages: [{ role: 'user', content }], maxTokens }, { signal });
      const gaps = gapsOf(answer);
      return { rate: decodeRate(answer), 'gap p95': gaps.length > 0 ? percentile(gaps, 0.95) : null };
    },
  };
}
