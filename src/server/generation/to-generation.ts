/** The shared fields of a body -> that part of the canonical request. What is wrong with them beyond their ranges is said here. */
import { randomBytes } from 'node:crypto';
import type { ChatMessage } from '../../core/domain/chat-message.js';
import type { GenerationRequest } from '../../core/domain/request.js';
import type { SamplingParams } from '../../core/domain/sampling.js';
import { invalidField } from '../request-body.js';
import type { GenerationBody, MessageBody } from './fields.js';

/** Where a request says nothing; slice `sampling` of the configuration. */
export interface SamplingDefaults {
  readonly temperature: number;
  readonly top_p: number;
  readonly top_k: number;
  readonly min_p: number;
  readonly repetition_penalty: number;
  readonly max_stop_strings: number;
}

export type GenerationPart = Pick<GenerationRequest, 'sampling' | 'logprobs' | 'maxTokens' | 'stopStrings' | 'stopTokenIds' | 'ignoreEos'>;

export function toGeneration(body: GenerationBody, defaults: SamplingDefaults, vocabSize: number): GenerationPart {
  const stop = typeof body.stop === 'string' ? [body.stop] : (body.stop ?? []);
  if (stop.length > defaults.max_stop_strings)
    throw invalidField('stop', `${stop.length} stop strings, at most ${defaults.max_stop_strings} are taken`);
  const stopTokenIds = body.stop_token_ids ?? [];
  for (const id of stopTokenIds) assertTokenId('stop_token_ids', id, vocabSize);
  return {
    sampling: toSampling(body, defaults, vocabSize),
    logprobs: body.logprobs ?? false,
    maxTokens: body.max_tokens ?? null,
    stopStrings: stop,
    stopTokenIds,
    ignoreEos: body.ignore_eos ?? false,
  };
}

/** A list of parts is the text of its parts; `developer` is the newer name of `system`, which templates know. */
export function toMessage(message: MessageBody): ChatMessage {
  const { content } = message;
  const text = Array.isArray(content) ? content.map((part) => part.text).join('') : (content ?? null);
  return { ...message, role: message.role === 'developer' ? 'system' : message.role, content: text };
}

function toSampling(body: GenerationBody, defaults: SamplingDefaults, vocabSize: number): SamplingParams {
  const topLogprobs = body.top_logprobs ?? 0;
  if (topLogprobs > 0 && body.logprobs !== true) throw invalidField('top_logprobs', 'wanted logprobs = true beside it');
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

function assertTokenId(param: string, id: number, vocabSize: number): void {
  if (id >= vocabSize) throw invalidField(param, `token id ${id} is outside the vocabulary 0..${vocabSize - 1}`);
}
