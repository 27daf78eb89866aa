/** POST /v1/chat/completions: one conversation in, its answers out as one body or as a stream of chunks. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { answerChoices, type ChoiceEvent } from '../../core/answers/answer-choices.js';
import type { Answerer } from '../../core/answers/answerer.js';
import type { Persist } from '../../core/domain/agent.js';
import { chunkStream } from '../answering/chunk-stream.js';
import { replyWithAnswer } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import type { ServedModel } from '../served-model.js';
import { whenGone } from '../when-gone.js';
import { ChatStream } from './stream-events.js';
import { toChatCompletionRequest } from './to-request.js';
import { wholeAnswer } from './whole-answer.js';

export interface ChatCompletionOptions {
  readonly answerer: Answerer;
  readonly served: ServedModel;
  readonly vocabSize: number;
  readonly sampling: SamplingDefaults;
  /** How long KV stays that a request leaves behind. */
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function chatCompletions(app: FastifyInstance, options: ChatCompletionOptions): void {
  const { answerer, persist, sampling, served, stream: limits, vocabSize } = options;
  app.post('/v1/chat/completions', async (request, reply) => {
    const { scope } = callerOf(request);
    const wanted = toChatCompletionRequest(request.body, request.headers, sampling, vocabSize, { scope, persist });
    served.assertServes(wanted.model);
    const { choices, legacyFunctions } = wanted;
    const id = `chatcmpl-${randomBytes(16).toString('hex')}`;
    const head = { id, created: Math.floor(Date.now() / 1000), model: served.id, legacyFunctions };
    const answering = answerChoices(answerer, wanted.request, choices, { signal: whenGone(reply, wanted.timeoutMs), newCallId });
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
