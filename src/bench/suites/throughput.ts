import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from '../statistics/median.js';
import { Seeded } from '../statistics/seeded.js';
import { firstTokenMillis } from '../targets/stream-chat.js';
import { allSettled } from './all-settled.js';
import { agentsAxis, type BenchCase, lengthsWithin, measure, shown, type Suite, type SuiteOptions } from './suite.js';

const AGENTS = [1, 2, 4, 8, 16];
const MEAN_ARRIVAL_MS = 100;

export const throughput: Suite = {
  name: 'throughput',
  summary: 'tokens/s of 1 to 16 agents together, who arrive one after the other',
  of: 'any',
  needs: (options) => ({ slots: Math.max(...agentsOf(options)), contextTokens: promptOf(options) + 2 * answerOf(options) }),
  cases: (options) => agentsOf(options).map((agents) => caseOf(agents, options)),
};

const agentsOf = ({ quick }: SuiteOptions): readonly number[] => (quick ? [1, 2] : AGENTS);
const answerOf = ({ quick }: SuiteOptions): number => (quick ? 16 : 64);
const promptOf = ({ quick, contextTokens }: SuiteOptions): number => lengthsWithin([quick ? 64 : 256], contextTokens, 128)[0]!;

function caseOf(agents: number, options: SuiteOptions): BenchCase {
  const [promptTokens, maxTokens] = [promptOf(options), answerOf(options)];
  return {
    name: agents === 1 ? '1 agent' : `${agents} agents`,
    x: agentsAxis(agents),
    measures: [measure('rate', 'tokens/s', 'higher'), shown('ttft p50', 'ms', 'lower'), shown('ttft p95', 'ms', 'lower')],
    cost: { promptTokens: agents * promptTokens, outputTokens: agents * maxTokens, seconds: (agents * MEAN_ARRIVAL_MS) / 1000 },
    async run(target, { prompts, seed, signal }) {
      const random = new Seeded(seed);
      let at = 0;
      const arrivals = Array.from({ length: agents }, (_, i) => (at += i === 0 ? 0 : random.exponential(MEAN_ARRIVAL_MS)));
      const answers = await allSettled(
        arrivals.map(async (arrival, i) => {
          await sleep(arrival, undefined, { signal });
          const content = prompts.text(promptTokens, seed * 100 + i);
          return target.chat({ messages: [{ role: 'user', content }], maxTokens, cache: false }, { signal });
        }),
      );
      const tokens = answers.reduce((sum, { completionTokens }) => sum + completionTokens, 0);
      const from = Math.min(...answers.map(({ sentAt }) => sentAt));
      const to = Math.max(...answers.map(({ endedAt }) => endedAt));
      const firsts = answers.map(firstTokenMillis);
      return { rate: (tokens * 1000) / (to - from), 'ttft p50': median(firsts), 'ttft p95': percentile(firsts, 0.95) };
    },
  };
}
