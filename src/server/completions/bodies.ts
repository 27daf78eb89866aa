/** The JSON of text completions, field by field as clients of this API expect it. */
import type { FinishReason, Usage } from '../../core/domain/request.js';
import type { LogprobsBody } from './token-logprobs.js';

export interface CompletionHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export interface CompletionChoice {
  readonly index: number;
  readonly text: string;
  readonly logprobs: LogprobsBody | null;
  readonly reason: FinishReason | null;
}

/** A whole answer, or a piece of one. */
export function completionBody(head: CompletionHead, choices: readonly CompletionChoice[]): object {
  const { id, created, model } = head;
  return {
    id,
    object: 'text_completion',
    created,
    model,
    system_fingerprint: `fp_${model}`,
    choices: choices.map(({ index, text, logprobs, reason }) => ({ index, text, logprobs, finish_reason: finishReason(reason) })),
  };
}

function finishReason(reason: FinishReason | null): 'stop' | 'length' | null {
  if (reason === null) return null;
  return reason === 'length' ? 'length' : 'stop';
}

/** Of all answers, prompt by prompt: a prompt counts once. */
export function usageBody(byPrompt: readonly (readonly Usage[])[]): object {
  const sum = (of: (usages: readonly Usage[]) => number): number => byPrompt.reduce((total, usages) => total + of(usages), 0);
  const promptTokens = sum((usages) => usages[0]!.promptTokens);
  const completionTokens = sum((usages) => usages.reduce((total, usage) => total + usage.completionTokens, 0));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: sum((usages) => Math.min(...usages.map(({ cachedTokens }) => cachedTokens))), audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}
