/** A server-sent event stream on one response: the head goes out at once, a slow reader is waited for, silence is filled with comments. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';

/** One event: `event` names its type where the dialect has types. */
export interface Frame {
  readonly data: string;
  readonly event?: string;
  /** That a client which comes again says it has read. */
  readonly id?: string;
}

export interface StreamLimits {
  readonly keepAliveSeconds: number;
  /** A reader that takes nothing for so long is cut off: what is computed for it would wait for ever. */
  readonly slowReaderSeconds: number;
}

export class EventStream {
  readonly #response: ServerResponse;
  readonly #limits: StreamLimits;
  readonly #log: FastifyBaseLogger;
  readonly #keepAlive: NodeJS.Timeout;

  /** `keepAlive`: what fills silence; a comment where it gives null. */
  constructor(
    response: ServerResponse,
    headers: Readonly<Record<string, string>>,
    limits: StreamLimits,
    log: FastifyBaseLogger,
    keepAlive: () => Frame | null = () => null,
  ) {
    this.#response = response;
    this.#limits = limits;
    this.#log = log;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#keepAlive = setInterval(() => {
      if (response.writableNeedDrain) return;
      const frame = keepAlive();
      response.write(frame === null ? ': keep-alive\n\n' : written(frame));
    }, limits.keepAliveSeconds * 1000);
  }

  /** Resolves when the reader has room for more, or is gone. */
  async send(data: string, event?: string, id?: string): Promise<void> {
    const response = this.#response;
    this.#keepAlive.refresh();
    if (response.destroyed || response.write(written(frameOf(data, event, id)))) return;
    const gone = new AbortController();
    const close = once(response, 'close', { signal: gone.signal });
    const drain = once(response, 'drain', { signal: gone.signal });
    const patience = setTimeout(() => this.#cutOff(), this.#limits.slowReaderSeconds * 1000);
    await Promise.race([close, drain]).finally(() => {
      clearTimeout(patience);
      gone.abort();
    });
    await Promise.allSettled([close, drain]);
  }

  #cutOff(): void {
    const { slowReaderSeconds } = this.#limits;
    this.#log.warn(`a client took nothing of its stream for ${slowReaderSeconds} s (server.slow_reader_seconds) and was cut off`);
    this.#response.destroy();
  }

  /** `comment`: a line for those who know what to look for; null = none. */
  end(comment: string | null = null): void {
    clearInterval(this.#keepAlive);
    if (comment !== null) this.#response.write(`: ${comment}\n\n`);
    this.#response.end();
  }
}

function frameOf(data: string, event: string | undefined, id: string | undefined): Frame {
  return { data, ...(event === undefined ? {} : { event }), ...(id === undefined ? {} : { id }) };
}

function written({ data, event, id }: Frame): string {
  return `${event === undefined ? '' : `event: ${event}\n`}${id === undefined ? '' : `id: ${id}\n`}data: ${data}\n\n`;
}
