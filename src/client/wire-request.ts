/** The canonical request as the body of a chat completion: the inverse of the server's reading of it. */
import type { GenerationRequest } from '../core/domain/request.js';

export function wireRequest(model: string, request: GenerationRequest): object {
  const { sampling } = request;
  return {
    model,
    messages: request.messages,
    ...(request.tools.length > 0 ? { tools: request.tools } : {}),
    stream: true,
    stream_options: { include_usage: true },
    max_tokens: request.maxTokens,
    temperature: sampling.temperature,
    top_p: sampling.topP,
    top_k: sampling.topK,
    min_p: sampling.minP,
    repetition_penalty: sampling.repetitionPenalty,
    frequency_penalty: sampling.frequencyPenalty,
    presence_penalty: sampling.presencePenalty,
    logit_bias: Object.fromEntries(sampling.logitBias),
    seed: Number(BigInt.asIntN(53, sampling.seed)),
    logprobs: request.logprobs,
    top_logprobs: request.logprobs ? sampling.topLogprobs : null,
    ...(request.stopStrings.length > 0 ? { stop: request.stopStrings } : {}),
    stop_token_ids: request.stopTokenIds,
    ignore_eos: request.ignoreEos,
    cache_prompt: request.cachePrompt,
    session_id: request.sessionId,
    ...(request.priority === undefined ? {} : { priority: request.priority }),
  };
}
