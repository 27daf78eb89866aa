/** POST /v1/responses and /v1/responses/input_tokens; and what is said to those who want a WebSocket there. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Answerer, ConversationEvent } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import { replyWithAnswer, type StreamedForm } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import { replyWithError } from '../error-reply.js';
import type { Frame, StreamLimits } from '../event-stream.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { parseBody } from '../request-body.js';
import type { ServedModel } from '../served-model.js';
import { whenGone } from '../when-gone.js';
import { type HeardItem, type Item, toItems } from './items.js';
import { responseHead } from './response-body.js';
import { inputTokensSchema, type ResponsesBody, responsesSchema } from './schema.js';
import { ResponseStream, type StreamEvent } from './stream-events.js';
import { toPrompt, toResponsesRequest } from './to-request.js';
import type { OfferedTools } from './tools.js';
import { refuseUpgrades } from './upgrade.js';

export interface ResponsesOptions {
  readonly answerer: Answerer;
  readonly served: ServedModel;
  readonly seal: ThinkingSeal;
  readonly sampling: SamplingDefaults;
  readonly persist: Persist;
  readonly stream: StreamLimits;
}

export function responses(app: FastifyInstance, options: ResponsesOptions): void {
  void app.register((scoped, _, done) => {
    scoped.setErrorHandler((thrown, request, reply) => replyWithError(ofInput(thrown), request, reply));
    refuseUpgrades(scoped);
    routes(scoped, options);
    done();
  });
}

/** What the engine calls messages is `input` here. */
function ofInput(thrown: unknown): unknown {
  if (!(thrown instanceof SemanticError) || thrown.param !== 'messages') return thrown;
  const { code, message, hint, cause } = thrown;
  return new SemanticError(code, message, { param: 'input', cause, ...(hint === undefined ? {} : { hint }) });
}

function routes(app: FastifyInstance, options: ResponsesOptions): void {
  const { answerer, served, seal, sampling, persist, stream: limits } = options;
  app.post('/v1/responses', async (request, reply) => {
    const body = parseBody(responsesSchema, request.body);
    served.assertServes(body.model ?? served.id);
    const id = `resp_${randomBytes(24).toString('hex')}`;
    const items = heard(toItems(body.input, id));
    const { scope } = callerOf(request);
    const wanted = toResponsesRequest(body, items, request.headers, { sampling, seal, persist, scope });
    const stream = streamOf(body, id, wanted.tools, options);
    const answering = answerer.answer(wanted.request, { signal: whenGone(reply, wanted.timeoutMs), newCallId });
    const form = {
      body: (events: AsyncIterable<ConversationEvent>) => whole(stream, events),
      stream: body.stream === true ? streamed(stream) : null,
    };
    return replyWithAnswer(answering, form, { limits }, request, reply);
  });
  app.post('/v1/responses/input_tokens', async (request) => {
    const body = parseBody(inputTokensSchema, request.body);
    served.assertServes(body.model ?? served.id);
    const prompt = toPrompt(body, heard(toItems(body.input, '')), seal);
    return { object: 'response.input_tokens', input_tokens: await answerer.countTokens(prompt) };
  });
}

function newCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}

function heard(items: readonly Item[]): HeardItem[] {
  return items.map((item, i) => ({ item, isKept: false, at: `input[${i}]` }));
}

function streamOf(body: ResponsesBody, id: string, tools: OfferedTools, { served, seal, sampling }: ResponsesOptions): ResponseStream {
  const createdAt = Math.floor(Date.now() / 1000);
  return new ResponseStream({
    head: responseHead({ id, createdAt, model: served.id }, body, sampling),
    id,
    tools,
    isSummary: typeof body.reasoning?.summary === 'string',
    seal: body.include?.includes('reasoning.encrypted_content') === true ? seal.encrypt : null,
    logprobs: body.include?.includes('message.output_text.logprobs') ?? false,
    now: () => Date.now(),
  });
}

async function whole(stream: ResponseStream, events: AsyncIterable<ConversationEvent>): Promise<object> {
  for await (const event of events) for (const _ of stream.take(event)); // the stream remembers
  if (!stream.isOver) throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
  return stream.response();
}

function streamed(stream: ResponseStream): StreamedForm {
  return {
    async *frames(events) {
      for (const event of stream.begin()) yield frame(event);
      for await (const event of events) for (const data of stream.take(event)) yield frame(data);
    },
    error: (error) => [...stream.fail(error)].map(frame),
    keepAlive: () => frame(stream.inProgress()),
  };
}

function frame(event: StreamEvent): Frame {
  return { data: JSON.stringify(event), event: event.type };
}
