/** One streamed answer of the Chat API of a server at an address, as `semantic bench` takes it, with the time of every piece. */
import { getGlobalDispatcher } from 'undici';
import { type Message, streamChat as streamFrom, type Streamed, type StreamOptions } from '#src/bench/targets/stream-chat.js';

export type { Message, Streamed };

/** `body` says model, messages and limits. */
export function streamChat(base: string, body: object, options: StreamOptions = {}): Promise<Streamed> {
  const asked = { http: getGlobalDispatcher(), origin: base, path: '/v1/chat/completions', headers: {}, json: body, name: base };
  return streamFrom(asked, options);
}
