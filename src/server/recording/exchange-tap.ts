/** One exchange as it goes by: what was asked, and every byte that is written to the client, with its time. Nothing of it waits for this. */
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { eventsOfFrame } from '../../adapters/recordings/event-frame.js';
import type { Exchange, Generation, SentEvent } from '../../adapters/recordings/format.js';

/** Of an answer; a longer one is kept as far as its status and times. */
const MAX_ANSWER_BYTES = 16 * 2 ** 20;

/** What the answer is known by afterwards, besides its body. */
const ANSWER_HEADERS = ['content-type', 'retry-after', 'x-semantic-cache'] as const;

interface Chunk {
  readonly at: number;
  readonly bytes: Buffer;
}

/** An exchange that is over, before it has a predecessor and before anything is taken out of it. */
export type Heard = Omit<Exchange, 'predecessor' | 'caller' | 'headers'> & { readonly headers: FastifyRequest['headers'] };

export class ExchangeTap {
  readonly #id: number;
  readonly #at: number;
  readonly #since = performance.now();
  readonly #request: FastifyRequest;
  readonly #reply: FastifyReply;
  readonly #chunks: Chunk[] = [];
  #headers: Readonly<Record<string, string>> = {};
  #bytes = 0;
  #truncated = false;
  /** When the last of the answer was handed on: its client may go on from then. */
  #endedAt: number | null = null;
  #isWhole = false;

  /** `at`: since the recording began, ms. Listens from now on. */
  constructor(id: number, at: number, request: FastifyRequest, reply: FastifyReply) {
    this.#id = id;
    this.#at = at;
    this.#request = request;
    this.#reply = reply;
    listen(reply.raw, {
      head: (headers) => (this.#headers = headers),
      chunk: (chunk, encoding) => this.#take(chunk, encoding),
      end: () => (this.#endedAt ??= this.#now()),
    });
    reply.raw.once('close', () => {
      this.#endedAt ??= this.#now();
      this.#isWhole = reply.raw.writableFinished; // later it may say so of an answer that nobody took
    });
  }

  /** To be called when the connection has taken the answer, or is gone. */
  heard(): Heard {
    const { method, url, headers, body, id: requestId } = this.#request;
    const { raw } = this.#reply;
    const totalMs = this.#endedAt ?? this.#now();
    const isStream = (this.#headers['content-type'] ?? '').startsWith('text/event-stream');
    const events = isStream && !this.#truncated ? this.#events() : null;
    return {
      id: this.#id,
      requestId,
      method,
      path: url,
      headers,
      body: body ?? null,
      at: this.#at,
      status: raw.headersSent ? raw.statusCode : null,
      answerHeaders: Object.fromEntries(
        ANSWER_HEADERS.flatMap((name) => (this.#headers[name] === undefined ? [] : [[name, this.#headers[name]]])),
      ),
      answer: isStream || !this.#isWhole || this.#truncated ? null : this.#json(),
      events,
      firstMs: this.#chunks[0]?.at ?? null,
      totalMs,
      usage: usageOf(this.#request.generations ?? []),
      generations: this.#request.generations ?? [],
      cancelled: this.#isWhole ? null : { afterEvents: events?.length ?? 0, at: totalMs },
      truncated: this.#truncated,
    };
  }

  #now(): number {
    return Math.round((performance.now() - this.#since) * 1000) / 1000;
  }

  #take(chunk: unknown, encoding: BufferEncoding): void {
    if (this.#truncated || (typeof chunk !== 'string' && !(chunk instanceof Uint8Array)) || chunk.length === 0) return;
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk);
    this.#bytes += bytes.length;
    this.#truncated = this.#bytes > MAX_ANSWER_BYTES;
    if (this.#truncated) this.#chunks.length = 1; // when it began is known
    else this.#chunks.push({ at: this.#now(), bytes });
  }

  /** A stream is written event by event; comments are not events. */
  #events(): SentEvent[] {
    return this.#chunks.flatMap(({ at, bytes }) =>
      bytes
        .toString('utf8')
        .split('\n\n')
        .flatMap((frame) => eventsOfFrame(frame, at)),
    );
  }

  #json(): unknown {
    const text = Buffer.concat(this.#chunks.map(({ bytes }) => bytes)).toString('utf8');
    try {
      return text === '' ? null : withoutDetail(JSON.parse(text));
    } catch {
      return text;
    }
  }
}

/** What was generated is in a field of the exchange. */
function withoutDetail(answer: unknown): unknown {
  if (typeof answer !== 'object' || answer === null || !('semantic' in answer)) return answer;
  const { semantic: _, ...rest } = answer;
  return rest;
}

function usageOf(generations: readonly Generation[]): Exchange['usage'] {
  if (generations.length === 0) return null;
  const sum = (of: (one: Generation) => number): number => generations.reduce((total, one) => total + of(one), 0);
  return {
    promptTokens: sum(({ promptTokens }) => promptTokens),
    cachedTokens: sum(({ cachedTokens }) => cachedTokens),
    outputTokens: sum(({ tokens }) => tokens?.length ?? 0),
  };
}

interface Listener {
  head(headers: Readonly<Record<string, string>>): void;
  chunk(chunk: unknown, encoding: BufferEncoding): void;
  end(): void;
}

/** Answers leave by these three, whoever writes them: Fastify, or a stream of ours. */
function listen(raw: ServerResponse, listener: Listener): void {
  const write = raw.write.bind(raw) as Call;
  const writeHead = raw.writeHead.bind(raw) as Call;
  const end = raw.end.bind(raw) as Call;
  const heard = (args: readonly unknown[]): void =>
    listener.chunk(args[0], typeof args[1] === 'string' ? (args[1] as BufferEncoding) : 'utf8');
  const taken = {
    writeHead: (...args: unknown[]) => {
      listener.head(headersOf(args.at(-1)));
      return writeHead(...args);
    },
    write: (...args: unknown[]) => {
      heard(args);
      return write(...args);
    },
    end: (...args: unknown[]) => {
      heard(args);
      listener.end();
      return end(...args);
    },
  };
  Object.assign(raw, taken);
}

type Call = (...args: unknown[]) => unknown;

/** None where there are only names and values in a row, which nobody here writes. */
function headersOf(written: unknown): Record<string, string> {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return {};
  return Object.fromEntries(Object.entries(written).map(([name, value]) => [name.toLowerCase(), String(value)]));
}
