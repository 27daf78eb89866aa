/** A reply that is a stream of frames: its head goes out at once, and what breaks in the middle is told in the dialect's own words. */
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { SemanticError } from '../../core/domain/errors.js';
import { noteFailure, toSemanticError } from '../error-reply.js';
import { EventStream, type Frame, type StreamLimits } from '../event-stream.js';
import { lastComment } from '../generation/tell-generations.js';
import { setHeaders } from './set-headers.js';

export interface StreamWords {
  error(error: SemanticError): Iterable<Frame>;
  /** What fills silence; a comment where there is none, or null. */
  keepAlive?(): Frame | null;
}

export interface FramesOptions {
  readonly limits: StreamLimits;
  readonly headers?: Readonly<Record<string, string>>;
}

export async function replyWithFrames(
  frames: AsyncIterable<Frame>,
  words: StreamWords,
  { limits, headers = {} }: FramesOptions,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const sent = { ...setHeaders(reply), ...headers };
  reply.hijack();
  const out = new EventStream(reply.raw, sent, limits, request.log, () => words.keepAlive?.() ?? null);
  try {
    for await (const frame of frames) await out.send(frame.data, frame.event, frame.id);
  } catch (thrown) {
    const error = toSemanticError(thrown, request);
    noteFailure(request, thrown);
    for (const frame of words.error(error)) await out.send(frame.data, frame.event, frame.id);
  } finally {
    out.end(lastComment(request));
  }
  return reply;
}
