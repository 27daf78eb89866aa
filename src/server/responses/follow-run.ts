import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { replyWithFrames } from '../answering/reply-with-frames.js';
import type { Frame, StreamLimits } from '../event-stream.js';
import { whenGone } from '../when-gone.js';
import type { Run } from './background.js';
import type { StreamEvent } from './stream-events.js';

export function toFrame(event: StreamEvent): Frame {
  return { data: JSON.stringify(event), event: event.type };
}

/** The events of a response that is being made, after that number. Whoever goes away does not end it. */
export async function replyWithRun(
  run: Run,
  after: number,
  limits: StreamLimits,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const keepAlive = (): null => {
    run.keepAlive(); // reaches this client with all others
    return null;
  };
  const gone = whenGone(reply, null);
  return replyWithFrames(framesOf(run.follow(after, gone)), { error: () => [], keepAlive }, { limits }, request, reply);
}

/** The events of a response that was made, after that number. */
export async function replyWithEvents(
  events: readonly StreamEvent[],
  after: number,
  limits: StreamLimits,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<object> {
  const frames = events.filter(({ sequence_number: number }) => number > after).map(toFrame);
  return replyWithFrames(Readable.from(frames), { error: () => [] }, { limits }, request, reply);
}

async function* framesOf(events: AsyncIterable<StreamEvent>): AsyncGenerator<Frame, void, undefined> {
  for await (const event of events) yield toFrame(event);
}
