/** The JSON of answers and chunks, field by field as clients of this API expect it (wire recordings: every one is needed by somebody). */
import type { FinishReason, TokenLogprob, Usage } from '../../core/domain/request.js';
import { logprobBody } from '../generation/logprob-body.js';

export interface AnswerHead {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly model: string;
}

export type ChunkDelta = { readonly role?: 'assistant'; readonly content?: string; readonly refusal?: null };

export function chunk(
  head: AnswerHead,
  choice: { readonly delta: ChunkDelta; readonly logprobs?: readonly TokenLogprob[]; readonly finishReason?: FinishReason },
): object {
  const logprobs = choice.logprobs === undefined ? null : logprobsBody(choice.logprobs);
  const finish = choice.finishReason === undefined ? null : finishReason(choice.finishReason);
  return { ...common(head, 'chat.completion.chunk'), choices: [{ index: 0, delta: choice.delta, logprobs, finish_reason: finish }] };
}

export function usageChunk(head: AnswerHead, usage: Usage): object {
  return { ...common(head, 'chat.completion.chunk'), choices: [], usage: usageBody(usage) };
}

export function completion(
  head: AnswerHead,
  answer: {
    readonly text: string;
    readonly logprobs: readonly TokenLogprob[] | null;
    readonly reason: FinishReason;
    readonly usage: Usage;
  },
): object {
  const message = { role: 'assistant', content: answer.text, refusal: null, annotations: [] };
  const logprobs = answer.logprobs === null ? null : logprobsBody(answer.logprobs);
  return {
    ...common(head, 'chat.completion'),
    choices: [{ index: 0, message, logprobs, finish_reason: finishReason(answer.reason) }],
    usage: usageBody(answer.usage),
  };
}

function common({ id, created, model }: AnswerHead, object: string): object {
  return { id, object, created, model, service_tier: 'default', system_fingerprint: `fp_${model}` };
}

function finishReason(reason: FinishReason): 'stop' | 'length' {
  return reason === 'length' ? 'length' : 'stop';
}

function usageBody({ promptTokens, cachedTokens, completionTokens }: Usage): object {
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 0, audio_tokens: 0, accepted_prediction_tokens: 0, rejected_prediction_tokens: 0 },
  };
}

function logprobsBody(entries: readonly TokenLogprob[]): object {
  return { content: entries.map(logprobBody), refusal: null };
}
