/** Body of a chat completion -> the canonical request. Everything that can be wrong with it is said here, before anything runs. */
import { randomBytes } from 'node:crypto';
import type { ChatMessage } from '../../core/domain/chat-message.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { GenerationRequest } from '../../core/domain/request.js';
import type { SamplingParams } from '../../core/domain/sampling.js';
import { type ChatCompletionBody, chatCompletionSchema } from './schema.js';

/** Where a request says nothing; slice `sampling` of the configuration. */
export interface SamplingDefaults {
  readonly temperature: number;
  readonly top_p: number;
  readonly top_k: number;
  readonly min_p: number;
  readonly repetition_penalty: number;
  readonly max_stop_strings: number;
}

export interface ChatCompletionRequest {
  readonly model: string;
  readonly stream: boolean;
  readonly includeUsage: boolean;
  readonly generation: GenerationRequest;
}

export function toChatCompletionRequest(json: unknown, defaults: SamplingDefaults, vocabSize: number): ChatCompletionRequest {
  const body = parseBody(json);
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []);
  if (stop.length > defaults.max_stop_strings)
    throw invalid('stop', `${stop.length} stop strings, at most ${defaults.max_stop_strings} are taken`);
  const stopTokenIds = body.stop_token_ids ?? [];
  for (const id of stopTokenIds) assertTokenId('stop_token_ids', id, vocabSize);
  return {
    model: body.model,
    stream: body.stream ?? false,
    includeUsage: body.stream_options?.include_usage ?? false,
    generation: {
      messages: body.messages.map(toMessage),
      tools: body.tools ?? [],
      sampling: toSampling(body, defaults, vocabSize),
      logprobs: body.logprobs ?? false,
      maxTokens: body.max_completion_tokens ?? body.max_tokens ?? null,
      stopStrings: stop,
      stopTokenIds,
      ignoreEos: body.ignore_eos ?? false,
      cachePrompt: body.cache_prompt ?? true,
      sessionId: body.session_id ?? null,
    },
  };
}

function parseBody(json: unknown): ChatCompletionBody {
  const parsed = chatCompletionSchema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const param = (issue?.path ?? [])
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 ? '' : '.'}${String(part)}`))
    .join('');
  const wanted = (issue?.message ?? 'not valid').replace(/, received \w+$/, '');
  throw invalid(param === '' ? 'body' : param, `${wanted}, got ${shown(json, issue?.path ?? [])}`);
}

const SHOWN_CHARACTERS = 60;

/** The value at `path`, short enough for a message. */
function shown(json: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], json);
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

function toSampling(body: ChatCompletionBody, defaults: SamplingDefaults, vocabSize: number): SamplingParams {
  const topLogprobs = body.top_logprobs ?? 0;
  if (topLogprobs > 0 && body.logprobs !== true) throw invalid('top_logprobs', 'wanted logprobs = true beside it');
  const logitBias = new Map(Object.entries(body.logit_bias ?? {}).map(([id, value]) => [Number(id), value]));
  for (const id of logitBias.keys()) assertTokenId('logit_bias', id, vocabSize);
  return {
    temperature: body.temperature ?? defaults.temperature,
    topK: Math.max(0, body.top_k ?? defaults.top_k),
    topP: body.top_p ?? defaults.top_p,
    minP: body.min_p ?? defaults.min_p,
    repetitionPenalty: body.repetition_penalty ?? defaults.repetition_penalty,
    frequencyPenalty: body.frequency_penalty ?? 0,
    presencePenalty: body.presence_penalty ?? 0,
    logitBias,
    seed: body.seed === null || body.seed === undefined ? randomBytes(8).readBigUInt64LE() : BigInt.asUintN(64, BigInt(body.seed)),
    topLogprobs,
  };
}

/** A list of parts is the text of its parts; `developer` is the newer name of `system`, which templates know. */
function toMessage(message: ChatCompletionBody['messages'][number]): ChatMessage {
  const { content } = message;
  const text = Array.isArray(content) ? content.map((part) => part.text).join('') : (content ?? null);
  return { ...message, role: message.role === 'developer' ? 'system' : message.role, content: text };
}

function assertTokenId(param: string, id: number, vocabSize: number): void {
  if (id >= vocabSize) throw invalid(param, `token id ${id} is outside the vocabulary 0..${vocabSize - 1}`);
}

function invalid(param: string, what: string): SemanticError {
  return new SemanticError('InvalidRequest', `${param}: ${what}`, { param });
}
