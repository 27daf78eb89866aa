/** What the doors say while the model is loaded: nothing is there yet that could answer in a dialect. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { SemanticError } from '../../core/domain/errors.js';
import type { ProcessBody } from '../../client/process-bodies.js';
import { OwnSocketRequest } from '../caller.js';
import { bodyInEveryDialect } from './body-in-every-dialect.js';

/** Of the weights that are being loaded; null while none are. */
export type LoadingProgress = () => { readonly loadedBytes: number; readonly totalBytes: number } | null;

interface StartHealth {
  readonly status: 'starting';
  readonly phase: string;
  readonly seconds: number;
  /** Of the weights; null while none are loaded. */
  readonly loaded_bytes: number | null;
  readonly total_bytes: number | null;
}

/** How far the start is. */
export class StartReport {
  readonly #startedAt = Date.now();
  #phase = 'opening';
  #loading: LoadingProgress = () => null;

  constructor(private readonly version: string) {}

  /** Begins another part of it. */
  enter(phase: string, loading: LoadingProgress = () => null): void {
    this.#phase = phase;
    this.#loading = loading;
  }

  health(): StartHealth {
    const loading = this.#loading();
    return {
      status: 'starting',
      phase: this.#phase,
      seconds: Math.round((Date.now() - this.#startedAt) / 100) / 10,
      loaded_bytes: loading?.loadedBytes ?? null,
      total_bytes: loading?.totalBytes ?? null,
    };
  }

  process(): ProcessBody {
    const { phase: name, seconds, loaded_bytes: loaded, total_bytes: total } = this.health();
    const phase = loaded === null || total === null ? name : `${name}, ${Math.floor((100 * loaded) / total)} %`;
    const { pid } = process;
    return {
      pid,
      version: this.version,
      state: 'starting',
      phase,
      uptimeSeconds: seconds,
      address: '',
      socket: '',
      log: null,
      audit: null,
    };
  }
}

const RETRY_AFTER_SECONDS = 2;

/** Alive, not started, not ready; whatever else is asked is a 503 that says so, of which `refused` is told. */
export function answerWhileStarting(report: StartReport, refused: (error: SemanticError, line: object) => void): RequestListener {
  return (request: IncomingMessage, response: ServerResponse) => {
    const path = request.url?.split('?')[0];
    if (path === '/health/live') return send(response, 200, { status: 'ok' });
    if (path === '/health/startup') return send(response, 503, report.health());
    if (path === '/health/ready') return send(response, 503, { status: 'starting' });
    if (path === '/v1/admin/process' && request instanceof OwnSocketRequest) return send(response, 200, report.process());
    const { phase, seconds } = report.health();
    const error = new SemanticError('ModelUnavailable', `[server] the daemon is starting: ${phase}, ${seconds} s so far`);
    refused(error, { method: request.method, status: error.status });
    send(response, error.status, bodyInEveryDialect(error, 'api_error'));
  };
}

function send(response: ServerResponse, status: number, body: object): void {
  const text = JSON.stringify(body);
  // Closed, since the rest of a body that was sent is not read.
  const headers: Record<string, string | number> = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    connection: 'close',
  };
  if (status === 503) headers['retry-after'] = RETRY_AFTER_SECONDS;
  response.writeHead(status, headers).end(text);
}
