/** Body of a completion -> one canonical request per prompt. Everything that can be wrong with it is said here, before anything runs. */
import type { FastifyRequest } from 'fastify';
import type { Persist } from '../../core/domain/agent.js';
import { type GenerationRequest, NOBODYS_KV } from '../../core/domain/request.js';
import type { EngineModel } from '../../core/engine/engine-parts.js';
import { toConstraint } from '../generation/constraint.js';
import { type SamplingDefaults, toGeneration } from '../generation/to-generation.js';
import { toTerms } from '../generation/terms.js';
import { invalidField } from '../request-body.js';
import type { CompletionBody } from './schema.js';

export interface CompletionRequest {
  readonly stream: boolean;
  readonly timeoutMs: number | null;
  readonly includeUsage: boolean;
  /** Of each prompt. */
  readonly choices: number;
  readonly logprobs: boolean;
  /** What goes before the answer in its text, by prompt: nothing, unless it is to be echoed. */
  readonly echoes: readonly string[];
  readonly requests: readonly GenerationRequest[];
}

/** Of the model. */
type Vocabulary = Pick<EngineModel, 'contextLength' | 'tokenizer'> & { readonly runner: { readonly vocabSize: number } };

export interface CompletionTerms {
  readonly scope: string;
  readonly persist: Persist;
}

/** As many as the vendor gives where nothing is said. */
const DEFAULT_MAX_TOKENS = 16;
const MOST_ANSWERS = 128;

export function toCompletionRequest(
  body: CompletionBody,
  headers: FastifyRequest['headers'],
  defaults: SamplingDefaults,
  { contextLength, tokenizer, runner }: Vocabulary,
  terms: CompletionTerms,
): CompletionRequest {
  assertPossible(body);
  const { logprobs, ...fields } = body;
  const withLogprobs = logprobs !== null && logprobs !== undefined;
  const { priority, timeoutMs } = toTerms(body, headers);
  const generation = toGeneration(
    { ...fields, logprobs: withLogprobs, top_logprobs: withLogprobs ? logprobs : null },
    defaults,
    runner.vocabSize,
  );
  const constraint = toConstraint(body);
  const prompts = promptsOf(body.prompt, runner.vocabSize);
  const choices = body.n ?? 1;
  if (prompts.length * choices > MOST_ANSWERS)
    throw invalidField('n', `${prompts.length} prompts with ${choices} answers each, at most ${MOST_ANSWERS} answers are given`);
  const textOf = (prompt: string | Int32Array): string =>
    typeof prompt === 'string' ? prompt : tokenizer.decode(prompt, { skipSpecialTokens: false });
  return {
    stream: body.stream ?? false,
    timeoutMs,
    includeUsage: body.stream_options?.include_usage ?? false,
    choices,
    logprobs: withLogprobs,
    echoes: prompts.map((prompt) => (body.echo === true ? textOf(prompt) : '')),
    requests: prompts.map((prompt) => ({
      ...generation,
      messages: [],
      prompt,
      tools: [],
      ...(constraint === null ? {} : { constraint }),
      maxTokens: Math.min(generation.maxTokens ?? DEFAULT_MAX_TOKENS, contextLength),
      ...NOBODYS_KV,
      ...terms,
      cachePrompt: body.cache_prompt ?? true,
      priority,
    })),
  };
}

function assertPossible({ suffix, echo, logprobs, n, best_of: bestOf }: CompletionBody): void {
  if (typeof suffix === 'string' && suffix !== '') throw invalidField('suffix', 'this server writes on from a prompt and fills no gaps');
  if (echo === true && typeof logprobs === 'number')
    throw invalidField('echo', 'the log-probabilities of a prompt are not known here: wanted echo or logprobs, got both');
  if (typeof bestOf === 'number' && bestOf !== (n ?? 1))
    throw invalidField('best_of', `all answers are given: wanted best_of = n = ${n ?? 1}, got ${bestOf}`);
}

function promptsOf(prompt: CompletionBody['prompt'], vocabSize: number): readonly (string | Int32Array)[] {
  if (typeof prompt === 'string') return [prompt];
  if (prompt.every((part) => typeof part === 'number')) return [idsOf(prompt, vocabSize)];
  return prompt.map((part) => (typeof part === 'string' ? part : idsOf(part as readonly number[], vocabSize)));
}

function idsOf(ids: readonly number[], vocabSize: number): Int32Array {
  const wrong = ids.find((id) => id >= vocabSize);
  if (wrong !== undefined) throw invalidField('prompt', `token id ${wrong} is outside the vocabulary 0..${vocabSize - 1}`);
  return Int32Array.from(ids);
}
