/** The canonical request as the body of a chat completion: the inverse of the server's reading of it. */
import { SemanticError } from '../core/domain/errors.js';
import type { OutputConstraint } from '../core/domain/output-constraint.js';
import type { GenerationRequest } from '../core/domain/request.js';

export function wireRequest(model: string, request: GenerationRequest): object {
  const { sampling } = request;
  if (request.prompt !== undefined)
    throw new SemanticError('InvalidRequest', '[client] a prompt without messages cannot be sent: ask /v1/completions');
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
    reasoning_format: 'none', // the text as the engine gives it
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(request.constraint === undefined ? {} : wireConstraint(request.constraint)),
  };
}

function wireConstraint(constraint: OutputConstraint): object {
  switch (constraint.kind) {
    case 'json_object':
      return { response_format: { type: 'json_object' } };
    case 'json_schema':
      return { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: constraint.schema, strict: true } } };
    case 'regex':
      return { guided_regex: constraint.pattern };
    case 'grammar':
      return { guided_grammar: constraint.source };
    case 'tool_calls':
    case 'marked_calls':
      throw new SemanticError('InvalidRequest', '[client] a constraint to tool calls cannot be sent: choose a tool with tool_choice');
  }
}
