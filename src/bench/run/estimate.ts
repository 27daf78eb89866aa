/** How long a run is going to take, from what the targets did in a moment: good to a factor of two. */
import { firstTokenMillis, decodeRate } from '../targets/stream-chat.js';
import type { Target } from '../targets/target.js';
import type { RunPlan } from './run-suites.js';

export interface Speed {
  /** Tokens per second. */
  readonly prefill: number;
  readonly decode: number;
}

const PROBE_TOKENS = 96;
const ANSWER_TOKENS = 16;
const SLOWEST = 0.1;

export async function speedOf(target: Target, { prompts }: Pick<RunPlan, 'prompts'>, signal: AbortSignal): Promise<Speed> {
  const messages = [{ role: 'user' as const, content: prompts.text(PROBE_TOKENS, 2) }];
  const answer = await target.chat({ messages, maxTokens: ANSWER_TOKENS, cache: false }, { signal });
  const prefill = (PROBE_TOKENS * 1000) / Math.max(1, firstTokenMillis(answer));
  return { prefill: Math.max(SLOWEST, prefill), decode: Math.max(SLOWEST, decodeRate(answer) ?? prefill) };
}

/** Seconds of all cases on targets of such speeds. */
export function estimateSeconds(
  { suites, options, rounds, warmUps }: Omit<RunPlan, 'targets' | 'prompts' | 'seed'>,
  speeds: readonly Speed[],
): number {
  const once = suites
    .filter((suite) => (suite.unavailable?.(options) ?? null) === null)
    .flatMap((suite) => suite.cases(options))
    .flatMap(({ cost }) => speeds.map((speed) => cost.seconds + cost.promptTokens / speed.prefill + cost.outputTokens / speed.decode))
    .reduce((sum, seconds) => sum + seconds, 0);
  return once * (rounds + warmUps);
}
