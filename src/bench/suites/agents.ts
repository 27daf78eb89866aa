import { setTimeout as sleep } from 'node:timers/promises';
import { median, percentile } from '../statistics/median.js';
import { Seeded } from '../statistics/seeded.js';
import { firstTokenMillis, type Message, type Streamed } from '../targets/stream-chat.js';
import type { Target } from '../targets/target.js';
import { allSettled } from './all-settled.js';
import { type BenchCase, type CaseContext, measure, shown, type Suite, type SuiteOptions } from './suite.js';

/** Of published traces of coding agents: medians of a session, and how many sessions have sub-agents. */
const TRACE = { turns: 43, inputTokens: 142_000, outputTokens: 444, subAgentShare: 0.44 };
/** Of the context, that the longest conversation fills. */
const FILLED = 0.7;
const QUICK_CONTEXT = 1_024;
const MEAN_TOOL_MS = 150;

interface Plan {
  readonly agents: number;
  readonly turns: number;
  /** Tokens that all agents begin with, that a turn adds to its prompt (a tool's result), and that it answers. */
  readonly system: number;
  readonly perTurn: number;
  readonly answer: number;
  readonly subTurns: number;
}

export const agents: Suite = {
  name: 'agents',
  summary: 'a fleet of agents after published traces: many turns, tools, pauses, sub-agents, nearly all of a prompt seen before',
  of: 'any',
  // A sub-agent runs while who sent it waits, so there are never more answers at once than agents.
  needs: (options) => ({ slots: planOf(options).agents, contextTokens: options.contextTokens }),
  cases: (options) => [caseOf(planOf(options))],
};

/** The trace scaled to the context: its shape is kept, all lengths shrink alike, and an answer has at least a few tokens. */
function planOf({ quick, contextTokens }: SuiteOptions): Plan {
  const most = Math.floor((quick ? Math.min(contextTokens, QUICK_CONTEXT) : contextTokens) * FILLED);
  const scale = Math.min(1, most / TRACE.inputTokens);
  const turns = quick ? 3 : TRACE.turns;
  const answer = Math.max(4, Math.round(TRACE.outputTokens * scale));
  const system = Math.floor(most * 0.2);
  return {
    agents: quick ? 2 : 4,
    turns,
    system,
    perTurn: Math.max(4, Math.floor((most - system) / turns) - answer),
    answer,
    subTurns: quick ? 1 : 5,
  };
}

function caseOf(plan: Plan): BenchCase {
  const turns = plan.agents * (plan.turns + TRACE.subAgentShare * plan.subTurns);
  return {
    name: `${plan.agents} agents of ${plan.turns} turns`,
    x: null,
    measures: [
      measure('rate', 'tokens/s', 'higher'),
      shown('turn ttft p50', 'ms', 'lower'),
      shown('turn ttft p95', 'ms', 'lower'),
      shown('reused', '%', 'higher'),
      measure('whole', 's', 'lower'),
    ],
    cost: {
      promptTokens: plan.system + turns * plan.perTurn,
      outputTokens: turns * plan.answer,
      seconds: (plan.turns * MEAN_TOOL_MS) / 1000,
    },
    async run(target, context) {
      const system: Message = { role: 'system', content: context.prompts.text(plan.system, context.seed) };
      const fleet = Array.from({ length: plan.agents }, (_, i) => session(target, context, plan, system, i));
      const answers = (await allSettled(fleet)).flat();
      const sum = (of: (answer: Streamed) => number): number => answers.reduce((total, answer) => total + of(answer), 0);
      const millis = Math.max(...answers.map(({ endedAt }) => endedAt)) - Math.min(...answers.map(({ sentAt }) => sentAt));
      const firsts = answers.map(firstTokenMillis);
      const prompt = sum(({ promptTokens }) => promptTokens);
      return {
        rate: (sum(({ completionTokens }) => completionTokens) * 1000) / millis,
        'turn ttft p50': median(firsts),
        'turn ttft p95': percentile(firsts, 0.95),
        reused: prompt === 0 ? null : (100 * sum(({ cachedTokens }) => cachedTokens)) / prompt,
        whole: millis / 1000,
      };
    },
  };
}

/** All turns of one agent, those of a sub-agent that it sends among them. */
async function session(target: Target, context: CaseContext, plan: Plan, system: Message, number: number): Promise<readonly Streamed[]> {
  const random = new Seeded(context.seed * 1_000 + number);
  const subAgentAt = random.next() < TRACE.subAgentShare ? random.below(plan.turns) : -1;
  const answers: Streamed[] = [];
  const converse = async (name: string, turns: number, tasks: number): Promise<void> => {
    const messages: Message[] = [system];
    for (let turn = 0; turn < turns; turn++) {
      messages.push({ role: 'user', content: context.prompts.text(plan.perTurn, tasks + turn) });
      const asked = { messages: [...messages], maxTokens: plan.answer, session: name };
      const answer = await target.chat(asked, { signal: context.signal });
      answers.push(answer);
      messages.push({ role: 'assistant', content: answer.text });
      await sleep(random.exponential(MEAN_TOOL_MS), undefined, { signal: context.signal }); // a tool runs
      if (turn === subAgentAt && turns === plan.turns) await converse(`${name}-sub`, plan.subTurns, tasks + SUB_TASKS);
    }
  };
  await converse(`agent-${context.seed}-${number}`, plan.turns, context.seed * 100_000 + number * 1_000);
  return answers;
}

/** Tasks of a sub-agent are others than those of who sent it. */
const SUB_TASKS = 500;
