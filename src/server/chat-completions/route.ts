/** POST /v1/chat/completions: one canonical request in, its events out as one body or as a stream of chunks. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Persist } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { EngineEvent, TokenLogprob } from '../../core/domain/request.js';
import type { Engine } from '../../core/engine/engine.js';
import { cacheHeaders } from '../cache-headers.js';
import { callerOf } from '../caller.js';
import { errorBody, toSemanticError } from '../error-reply.js';
import { EventStream, type StreamLimits } from '../event-stream.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { HEAD_WAIT_MS, ReadAhead } from '../read-ahead.js';
import type { ServedModel } from '../served-model.js';
import { whenGone } from '../when-gone.js';
import { type AnswerHead, chunk, completion, usageChunk } from './bodies.js';
import { toChatCompletionRequest } from './to-request.js';

export interface ChatCompletionOptions {
  readonly engine: Engine;
  readonly served: ServedModel;
  readonly sampling: SamplingDefaults;
  /** How long KV stays that a request leaves behind. */
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function chatCompletions(app: FastifyInstance, options: ChatCompletionOptions): void {
  const { engine, persist, sampling, served } = options;
  app.post('/v1/chat/completions', async (request, reply) => {
    const { scope } = callerOf(request);
    const wanted = toChatCompletionRequest(request.body, request.headers, sampling, engine.model.runner.vocabSize, { scope, persist });
    served.assertServes(wanted.model);
    const head = { id: `chatcmpl-${randomBytes(16).toString('hex')}`, created: Math.floor(Date.now() / 1000), model: engine.model.id };
    const events = new ReadAhead(engine.submit(wanted.generation, { signal: whenGone(reply, wanted.timeoutMs) }));
    // What is wrong with the request is thrown here, while a status can still be chosen.
    await events.find((event): event is EngineEvent => event.type === 'queued');
    if (!wanted.stream) {
      const started = await events.find(isStarted);
      if (started !== null) void reply.headers(cacheHeaders(started.cache));
      return answer(head, events, wanted.generation.logprobs);
    }
    const started = await events.find(isStarted, HEAD_WAIT_MS);
    reply.hijack();
    const headers = { 'x-request-id': request.id, ...(started === null ? {} : cacheHeaders(started.cache)) };
    const stream = new EventStream(reply.raw, headers, options.stream, request.log);
    try {
      for await (const data of chunks(head, events, wanted.includeUsage)) await stream.send(data);
    } catch (thrown) {
      const error = toSemanticError(thrown);
      if (error.status >= 500) request.log.error({ err: thrown }, error.message);
      await stream.send(JSON.stringify(errorBody(error)));
    } finally {
      stream.end();
    }
    return reply;
  });
}

type Started = Extract<EngineEvent, { type: 'started' }>;

function isStarted(event: EngineEvent): event is Started {
  return event.type === 'started';
}

async function answer(head: AnswerHead, events: AsyncIterable<EngineEvent>, withLogprobs: boolean): Promise<object> {
  let text = '';
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === 'token') {
      text += event.text;
      if (event.logprob !== null) logprobs.push(event.logprob);
    } else if (event.type === 'finished') {
      return completion(head, { text, logprobs: withLogprobs ? logprobs : null, reason: event.reason, usage: event.usage });
    }
  }
  throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
}

async function* chunks(head: AnswerHead, events: AsyncIterable<EngineEvent>, includeUsage: boolean): AsyncGenerator<string> {
  const data = (body: object): string => JSON.stringify(includeUsage ? { ...body, usage: null } : body);
  for await (const event of events) {
    if (event.type === 'started') {
      yield data(chunk(head, { delta: { role: 'assistant', content: '', refusal: null } }));
    } else if (event.type === 'token') {
      const logprobs = event.logprob === null ? {} : { logprobs: [event.logprob] };
      yield data(chunk(head, { delta: { content: event.text }, ...logprobs }));
    } else if (event.type === 'finished') {
      yield data(chunk(head, { delta: {}, finishReason: event.reason }));
      if (includeUsage) yield JSON.stringify(usageChunk(head, event.usage));
      yield '[DONE]';
    }
  }
}
