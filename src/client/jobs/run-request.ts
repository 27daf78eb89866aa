/** A job's request, through the route that everybody's requests take. */
import { Client } from 'undici';
import type { WorkersJob } from './job-source.js';

export interface RouteAnswer {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** That the engine took, milliseconds; null where the route does not say. */
  readonly engineMs: number | null;
  /** Seconds after which it may be asked again; null where nothing is said. */
  readonly retryAfterSeconds: number | null;
}

export class RequestRunner {
  readonly #http: Client;

  constructor(socket: string, connectTimeoutMs: number) {
    // Answers may take as long as they take: only connecting has a limit.
    this.#http = new Client('http://localhost', {
      socketPath: socket,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** Throws what the connection throws. */
  async run({ endpoint, body, scope, class: inClass }: WorkersJob, signal: AbortSignal): Promise<RouteAnswer> {
    const headers = { 'content-type': 'application/json', 'x-semantic-scope': scope, 'x-semantic-priority': inClass };
    const answer = await this.#http.request({ method: 'POST', path: endpoint, body, headers, signal });
    const text = await answer.body.text();
    const timing = /(?:^|,)\s*engine;dur=([\d.]+)/.exec(String(answer.headers['server-timing'] ?? ''))?.[1];
    const again = Number(answer.headers['retry-after'] ?? Number.NaN);
    return {
      status: answer.statusCode,
      body: text,
      engineMs: timing === undefined ? null : Number(timing),
      retryAfterSeconds: Number.isFinite(again) ? again : null,
    };
  }

  close(): Promise<void> {
    return this.#http.destroy();
  }
}
