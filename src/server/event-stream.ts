/** A server-sent event stream on one response: the head goes out at once, a slow reader is waited for, silence is filled with comments. */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';

export class EventStream {
  readonly #response: ServerResponse;
  readonly #keepAlive: NodeJS.Timeout;

  constructor(response: ServerResponse, headers: Readonly<Record<string, string>>, keepAliveSeconds: number) {
    this.#response = response;
    response.writeHead(200, {
      ...headers,
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache',
      'x-accel-buffering': 'no',
    });
    response.flushHeaders();
    this.#keepAlive = setInterval(() => {
      if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    }, keepAliveSeconds * 1000);
  }

  /** Resolves when the reader has room for more, or is gone. `event` names its type where the dialect has types. */
  async send(data: string, event?: string): Promise<void> {
    const response = this.#response;
    this.#keepAlive.refresh();
    const field = event === undefined ? '' : `event: ${event}\n`;
    if (response.destroyed || response.write(`${field}data: ${data}\n\n`)) return;
    const gone = new AbortController();
    const close = once(response, 'close', { signal: gone.signal });
    const drain = once(response, 'drain', { signal: gone.signal });
    await Promise.race([close, drain]).finally(() => gone.abort());
    await Promise.allSettled([close, drain]);
  }

  end(): void {
    clearInterval(this.#keepAlive);
    this.#response.end();
  }
}
