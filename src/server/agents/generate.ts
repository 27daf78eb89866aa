/** POST /v1/agents/{id}/generate: the new text in, one turn out, as one body or as a stream of typed events. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { CacheReport } from '../../core/domain/cache-report.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { EngineEvent, TokenLogprob } from '../../core/domain/request.js';
import type { AgentService, AgentTurnStarted } from '../../core/engine/agent-service.js';
import { accounted } from '../answering/reply-with-answer.js';
import { setHeaders } from '../answering/set-headers.js';
import { callerOf } from '../caller.js';
import { errorBody, noteFailure, toSemanticError } from '../error-reply.js';
import { EventStream, type StreamLimits } from '../event-stream.js';
import type { SamplingDefaults } from '../generation/to-generation.js';
import { asServed } from '../generation/as-served.js';
import { lastComment } from '../generation/tell-generations.js';
import { HEAD_WAIT_MS, ReadAhead } from '../read-ahead.js';
import { parseBody } from '../request-body.js';
import type { ServedModels } from '../served-models.js';
import { whenGone } from '../when-gone.js';
import { turnSchema } from './schema.js';
import { toTurn } from './to-request.js';
import { turnBody, turnEvent, type TurnEventBody } from './turn-bodies.js';

export interface GenerateOptions {
  readonly agents: AgentService;
  readonly sampling: SamplingDefaults;
  readonly models: ServedModels;
  readonly stream: StreamLimits;
}

type TurnEvent = AgentTurnStarted | EngineEvent;

export async function generate(
  id: string,
  options: GenerateOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object | FastifyReply> {
  const body = parseBody(turnSchema, request.body);
  const { name, engine } = await options.models.acquire(body.model ?? null, whenGone(reply, null), request.trace);
  const turn = toTurn(body, request.headers, options.sampling, { model: name, vocabSize: engine.model.runner.vocabSize });
  const asked = asServed(turn.request, request, name);
  const turned = options.agents.generate(id, asked, callerOf(request), { signal: whenGone(reply, turn.timeoutMs) });
  const events = accounted<TurnEvent>(turned, request);
  if (!turn.stream) return whole(events, turn.request.logprobs);
  const ahead = new ReadAhead(events);
  // What is wrong with the request is mostly thrown here, while a status can still be chosen. A busy agent says nothing for long.
  await ahead.find((event): event is TurnEvent => event.type === 'queued', HEAD_WAIT_MS);
  const headers = setHeaders(reply);
  reply.hijack();
  const stream = new EventStream(reply.raw, headers, options.stream, request.log);
  const send = (body: TurnEventBody): Promise<void> => stream.send(JSON.stringify(body), body.type);
  try {
    await sendAll(ahead, send);
  } catch (thrown) {
    const error = toSemanticError(thrown, request);
    noteFailure(request, thrown);
    await send({ type: 'error', ...errorBody(error) });
  } finally {
    await stream.send('[DONE]'); // a stream without it was cut off
    stream.end(lastComment(request));
  }
  return reply;
}

async function whole(events: AsyncIterable<TurnEvent>, withLogprobs: boolean): Promise<object> {
  let agent = '';
  let text = '';
  let report: CacheReport | null = null;
  const logprobs: TokenLogprob[] = [];
  for await (const event of events) {
    if (event.type === 'agent') agent = event.id;
    else if (event.type === 'started') report = event.cache;
    else if (event.type === 'token') {
      text += event.text;
      if (event.logprob !== null) logprobs.push(event.logprob);
    } else if (event.type === 'finished' && report !== null) {
      return turnBody({ agent, text, logprobs: withLogprobs ? logprobs : null, reason: event.reason, usage: event.usage, report });
    }
  }
  throw new SemanticError('Internal', 'the engine ended a turn without finishing it');
}

async function sendAll(events: AsyncIterable<TurnEvent>, send: (body: TurnEventBody) => Promise<void>): Promise<void> {
  let report: CacheReport | null = null;
  for await (const event of events) {
    if (event.type === 'started') report = event.cache;
    const body = turnEvent(event, report);
    if (body !== null) await send(body);
  }
}
