/** POST /v1/completions: text in, text out; no template, no conversation. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { asChoice } from '../../core/answers/answer-choices.js';
import { mergeAnswers } from '../../core/answers/merge-answers.js';
import type { Persist } from '../../core/domain/agent.js';
import type { EngineEvent } from '../../core/domain/request.js';
import { chunkStream } from '../answering/chunk-stream.js';
import { replyWithAnswer } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import { asServed } from '../generation/as-served.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { parseBody } from '../request-body.js';
import type { ServedModels } from '../served-models.js';
import { whenGone } from '../when-gone.js';
import { type AnswersForm, type CompletionEvent, CompletionStream, wholeCompletion } from './answers.js';
import { completionSchema } from './schema.js';
import { toCompletionRequest } from './to-request.js';

export interface CompletionOptions {
  readonly models: ServedModels;
  readonly sampling: SamplingDefaults;
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function completions(app: FastifyInstance, options: CompletionOptions): void {
  const { models, persist, sampling, stream: limits } = options;
  app.post('/v1/completions', async (request, reply) => {
    const { scope } = callerOf(request);
    const body = parseBody(completionSchema, request.body);
    const { name, engine } = await models.acquire(body.model, whenGone(reply, null), request.trace);
    const wanted = toCompletionRequest(body, request.headers, sampling, engine.model, { scope, persist });
    const { choices, echoes, logprobs, requests } = wanted;
    const head = { id: `cmpl-${randomBytes(16).toString('hex')}`, created: Math.floor(Date.now() / 1000), model: name };
    const served = requests.map((one) => asServed(one, request, name));
    const form: AnswersForm = { head, choices, echoes, logprobs };
    const answering = mergeAnswers<EngineEvent>({
      number: requests.length * choices,
      start: (choice, signal) => engine.submit(asChoice(served[Math.floor(choice / choices)]!, choice % choices), { signal }),
      signal: whenGone(reply, wanted.timeoutMs),
    });
    const reading = {
      body: (events: AsyncIterable<CompletionEvent>) => wholeCompletion(form, events),
      stream: wanted.stream ? chunkStream(() => new CompletionStream(form, wanted.includeUsage)) : null,
    };
    return replyWithAnswer(answering, reading, { limits }, request, reply);
  });
}
