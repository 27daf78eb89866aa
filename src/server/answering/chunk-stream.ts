/** A stream of OpenAI's chunks: data without a type, the last one `[DONE]`, and an error in its place where something breaks. */
import { errorBody } from '../error-reply.js';
import type { Frame } from '../event-stream.js';
import type { StreamedForm } from './reply-with-answer.js';

export interface Chunks<E> {
  take(event: E): Iterable<object>;
  /** What comes when all answers are finished. */
  end(): Iterable<object>;
}

export function chunkStream<E extends { readonly type: string }>(begin: () => Chunks<E>): StreamedForm<E> {
  return {
    async *frames(events) {
      const chunks = begin();
      for await (const event of events) yield* [...chunks.take(event)].map(frame);
      yield* [...chunks.end()].map(frame);
      yield { data: '[DONE]' };
    },
    error: (error) => [frame(errorBody(error))],
  };
}

function frame(body: object): Frame {
  return { data: JSON.stringify(body) };
}
