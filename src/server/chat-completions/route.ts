/** POST /v1/chat/completions: one conversation in, its answers out as one body or as a stream of chunks. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { answerChoices, type ChoiceEvent } from '../../core/answers/answer-choices.js';
import type { Persist } from '../../core/domain/agent.js';
import { chunkStream } from '../answering/chunk-stream.js';
import { replyWithAnswer } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import { asServed } from '../generation/as-served.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import type { ServedModels } from '../served-models.js';
import { parseBody } from '../request-body.js';
import { whenGone } from '../when-gone.js';
import { chatCompletionSchema } from './schema.js';
import { ChatStream } from './stream-events.js';
import { toChatCompletionRequest } from './to-request.js';
import { wholeAnswer } from './whole-answer.js';

export interface ChatCompletionOptions {
  readonly models: ServedModels;
  readonly sampling: SamplingDefaults;
  /** How long KV stays that a request leaves behind. */
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function chatCompletions(app: FastifyInstance, options: ChatCompletionOptions): void {
  const { models, persist, sampling, stream: limits } = options;
  app.post('/v1/chat/completions', async (request, reply) => {
    const { scope } = callerOf(request);
    const body = parseBody(chatCompletionSchema, request.body);
    const { name, answerer, engine } = await models.acquire(body.model, whenGone(reply, null), request.trace);
    const wanted = toChatCompletionRequest(body, request.headers, sampling, engine.model.runner.vocabSize, { scope, persist });
    const { choices, legacyFunctions } = wanted;
    const id = `chatcmpl-${randomBytes(16).toString('hex')}`;
    const head = { id, created: Math.floor(Date.now() / 1000), model: name, legacyFunctions };
    const answering = answerChoices(answerer, asServed(wanted.request, request, name), choices, {
      signal: whenGone(reply, wanted.timeoutMs),
      newCallId,
    });
    const form = {
      body: (events: AsyncIterable<ChoiceEvent>) => wholeAnswer(head, events, choices, wanted.request.logprobs),
      stream: wanted.stream ? chunkStream(() => new ChatStream(head, wanted.includeUsage)) : null,
    };
    return replyWithAnswer(answering, form, { limits }, request, reply);
  });
}

function newCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
