/** POST /v1/responses and /v1/responses/input_tokens. */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ConversationEvent } from '../../core/answers/answerer.js';
import type { ThinkingSeal } from '../../core/answers/thinking-seal.js';
import type { Persist } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import { accounted, replyWithAnswer, type StreamedForm } from '../answering/reply-with-answer.js';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import { asServed } from '../generation/as-served.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { agentHint } from '../identity/agent-hint.js';
import { ReadAhead } from '../read-ahead.js';
import { invalidField, parseConversation } from '../request-body.js';
import type { ResidentModel } from '../../core/residency/resident-model.js';
import type { ServedModels } from '../served-models.js';
import { afterTime, whenGone } from '../when-gone.js';
import type { BackgroundResponses } from './background.js';
import { replyWithRun, toFrame } from './follow-run.js';
import { type HeardItem, type Item, toItems } from './items.js';
import { responseHead } from './response-body.js';
import { inputTokensSchema, type ResponsesBody, responsesSchema } from './schema.js';
import type { StoredResponse, StoredResponses } from './stored-responses.js';
import { ResponseStream } from './stream-events.js';
import { type ResponsesRequest, toPrompt, toResponsesRequest } from './to-request.js';

export interface CreateOptions {
  readonly models: ServedModels;
  readonly seal: ThinkingSeal;
  readonly sampling: SamplingDefaults;
  readonly persist: Persist;
  readonly stream: StreamLimits;
  readonly stored: StoredResponses;
  readonly background: BackgroundResponses;
}

/** A request that is understood, and what keeps its answer. */
interface Wanted extends ResponsesRequest {
  readonly model: ResidentModel;
  readonly scope: string;
  readonly stream: ResponseStream;
  readonly keep: (events: StoredResponse['events']) => void;
}

export function createResponses(app: FastifyInstance, options: CreateOptions): void {
  const { models, seal, stored } = options;
  app.post('/v1/responses', async (request, reply) => {
    const body = await parseConversation(responsesSchema, request.body);
    const model = await models.acquire(body.model ?? null, whenGone(reply, null), request.trace);
    const wanted = await understood(body, model, request, options);
    return body.background === true ? answerLater(body, wanted, options, request, reply) : answerNow(body, wanted, options, request, reply);
  });
  app.post('/v1/responses/input_tokens', async (request, reply) => {
    const body = await parseConversation(inputTokensSchema, request.body);
    const { answerer } = await models.acquire(body.model ?? null, whenGone(reply, null), request.trace);
    const { scope } = callerOf(request);
    const previous = body.previous_response_id;
    const history = typeof previous === 'string' ? (await stored.history(scope, previous)).items : [];
    const items = [...history, ...(await heard(toItems(body.input, ''), scope, stored))];
    const asker = { scope, ...agentHint(request.headers, { prompt_cache_key: body['prompt_cache_key'] }, scope) };
    return { object: 'response.input_tokens', input_tokens: await answerer.countTokens(toPrompt(body, items, seal), asker) };
  });
}

async function understood(body: ResponsesBody, model: ResidentModel, request: FastifyRequest, options: CreateOptions): Promise<Wanted> {
  const { seal, sampling, persist, stored, background } = options;
  const { scope } = callerOf(request);
  const { previous_response_id: previous, store } = body;
  if (body.background === true && store === false) throw invalidField('store', 'wanted true: an answer in the background has to be kept');
  if (typeof previous === 'string' && background.find(scope, previous) !== null)
    throw invalidField('previous_response_id', `${previous} is not complete yet`);
  const history = typeof previous === 'string' ? await stored.history(scope, previous) : { items: [], ancestors: [] };
  const id = `resp_${randomBytes(24).toString('hex')}`;
  const input = toItems(body.input, id);
  const own = await heard(input, scope, stored);
  const wanted = toResponsesRequest(body, [...history.items, ...own], request.headers, { sampling, seal, persist, scope });
  const stream = new ResponseStream({
    head: responseHead({ id, createdAt: Math.floor(Date.now() / 1000), model: model.name }, body, sampling),
    id,
    tools: wanted.tools,
    isSummary: typeof body.reasoning?.summary === 'string',
    seal: body.include?.includes('reasoning.encrypted_content') === true ? seal.encrypt : null,
    logprobs: wanted.logprobs,
    isQueued: body.background === true,
    now: () => Date.now(),
  });
  const kept = { input: own.map(({ item }) => item), ancestors: history.ancestors };
  const keep = (events: StoredResponse['events']): void => {
    if (store !== false) stored.keep(scope, { ...kept, response: stream.response(), events });
  };
  return { ...wanted, request: asServed(wanted.request, request, model.name), model, scope, stream, keep };
}

function heard(items: readonly Item[], scope: string, stored: StoredResponses): Promise<HeardItem[]> {
  return Promise.all(
    items.map(async (item, i) => {
      const at = `input[${i}]`;
      return item.type === 'item_reference' ? stored.item(scope, item.id, at) : { item, isKept: false, at };
    }),
  );
}

async function answerNow(
  body: ResponsesBody,
  { model: { answerer }, request: asked, timeoutMs, stream, keep }: Wanted,
  { stream: limits }: CreateOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const answering = answerer.answer(asked, { signal: whenGone(reply, timeoutMs), newCallId });
  const whole = async (events: AsyncIterable<ConversationEvent>): Promise<object> => {
    for await (const event of events) for (const _ of stream.take(event)); // the stream remembers
    if (!stream.isOver) throw new SemanticError('Internal', 'the engine ended an answer without finishing it');
    keep(null);
    return stream.response();
  };
  return replyWithAnswer(
    answering,
    { body: whole, stream: body.stream === true ? streamed(stream, keep) : null },
    { limits },
    request,
    reply,
  );
}

function streamed(stream: ResponseStream, keep: Wanted['keep']): StreamedForm {
  return {
    async *frames(events) {
      for (const event of stream.begin()) yield toFrame(event);
      for await (const event of events) {
        for (const data of stream.take(event)) {
          if (stream.isOver) keep(null); // before its client knows that it is there
          yield toFrame(data);
        }
      }
    },
    error: (error) => [...stream.fail(error)].map(toFrame),
    keepAlive: () => toFrame(stream.goesOn()),
  };
}

async function answerLater(
  body: ResponsesBody,
  { model: { answerer }, request: asked, timeoutMs, scope, stream, keep }: Wanted,
  { background, stream: limits }: CreateOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const end = afterTime(timeoutMs);
  const events = new ReadAhead(accounted(answerer.answer(asked, { signal: end.signal, newCallId }), request));
  await events.find((event): event is ConversationEvent => event.type === 'queued'); // what is wrong with it is said now
  const run = background.start({
    scope,
    stream,
    events,
    isFollowed: body.stream === true,
    abort: () => end.abort(),
    keep,
    onError: (error) => request.log.error({ err: error }, 'an answer in the background failed'),
  });
  void run.done.finally(() => end.clear());
  return body.stream === true ? replyWithRun(run, -1, limits, request, reply) : stream.response();
}

function newCallId(): string {
  return `call_${randomBytes(12).toString('hex')}`;
}
