/**
 * How every dialect replies: what is wrong with a request gets a status while one can still be chosen; then its events go out as one
 * body, or as a stream, which ends with an error in the dialect's own words when something breaks in the middle.
 */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ConversationEvent } from '../../core/answers/answerer.js';
import type { CacheReport } from '../../core/domain/cache-report.js';
import type { Usage } from '../../core/domain/request.js';
import { cacheHeaders } from '../cache-headers.js';
import type { Frame } from '../event-stream.js';
import { HEAD_WAIT_MS, ReadAhead } from '../read-ahead.js';
import { chargingTokens } from './charge-tokens.js';
import { type FramesOptions, replyWithFrames, type StreamWords } from './reply-with-frames.js';

/** Events of an answer: `queued` comes when nothing is wrong with the request, `started` tells what was found of its prompt, `finished` what it took. */
interface AnnouncedEvent {
  readonly type: string;
  readonly choice?: number;
  readonly promptTokens?: number;
  readonly cachedTokens?: number;
  readonly cache?: CacheReport;
  readonly usage?: Usage;
  readonly reason?: string;
}

export interface StreamedForm<E extends AnnouncedEvent = ConversationEvent> extends StreamWords {
  frames(events: AsyncIterable<E>): AsyncIterable<Frame>;
}

export interface AnswerForm<E extends AnnouncedEvent = ConversationEvent> {
  body(events: AsyncIterable<E>): Promise<object>;
  /** Null = the client wants one body. */
  readonly stream: StreamedForm<E> | null;
}

export async function replyWithAnswer<E extends AnnouncedEvent>(
  answering: AsyncGenerator<E, void, undefined>,
  form: AnswerForm<E>,
  { limits, headers = {} }: FramesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const since = performance.now();
  const events = new ReadAhead(accounted(answering, request));
  await events.find((event): event is E => event.type === 'queued');
  if (form.stream === null) {
    const started = await events.find(isStarted<E>);
    void reply.headers({ ...headers, ...(started === null ? {} : cacheHeaders(started.cache)) });
    const body = await form.body(events);
    void reply.header('server-timing', `engine;dur=${(performance.now() - since).toFixed(3)}`);
    return body;
  }
  const started = await events.find(isStarted<E>, HEAD_WAIT_MS);
  const sent = { ...headers, ...(started === null ? {} : cacheHeaders(started.cache)) };
  return replyWithFrames(form.stream.frames(events), form.stream, { limits, headers: sent }, request, reply);
}

/** The same events, charged to the key that asks, and with a line in the log for every answer that is complete. */
export function accounted<E extends AnnouncedEvent>(
  events: AsyncGenerator<E, void, undefined>,
  request: FastifyRequest,
): AsyncGenerator<E, void, undefined> {
  return logged(chargingTokens(events, request), request);
}

async function* logged<E extends AnnouncedEvent>(
  events: AsyncGenerator<E, void, undefined>,
  request: FastifyRequest,
): AsyncGenerator<E, void, undefined> {
  const since = performance.now();
  for await (const event of events) {
    if (event.usage !== undefined) {
      const { promptTokens, cachedTokens, completionTokens } = event.usage;
      const millis = Math.round(performance.now() - since);
      request.isAnswered = true;
      request.log.info({ promptTokens, cachedTokens, completionTokens, reason: event.reason, millis }, 'answered');
    }
    yield event; // who has what is wanted may not come back
  }
}

function isStarted<E extends AnnouncedEvent>(event: E): event is E & { readonly cache: CacheReport } {
  return event.cache !== undefined;
}
