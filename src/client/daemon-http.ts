/** HTTP over the daemon's Unix socket. What goes wrong is the error the daemon threw, or DaemonUnreachable. */
import type { Readable } from 'node:stream';
import { Client, type Dispatcher } from 'undici';
import type { z } from 'zod';
import { SemanticError } from '../core/domain/errors.js';
import { wireError } from './wire-error.js';

export interface DaemonRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly json?: object;
  /** Instead of `json`: a body that is never held whole. */
  readonly file?: { readonly chunks: Readable; readonly bytes: number };
  readonly signal?: AbortSignal;
}

type Answer = Pick<Dispatcher.ResponseData, 'body' | 'headers'>;

export class DaemonHttp {
  readonly #http: Client;
  readonly #socket: string;

  constructor(socket: string, connectTimeoutMs: number) {
    this.#socket = socket;
    // Answers may take as long as they take: only connecting has a limit.
    this.#http = new Client('http://localhost', {
      socketPath: socket,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /** The answer once its head is there; its body is to be read to the end or destroyed. */
  async open({ method, path, json, file, signal }: DaemonRequest): Promise<Answer> {
    const [body, headers] = contentOf(json, file);
    try {
      const sent = { method, path, body, headers, ...(signal === undefined ? {} : { signal }) };
      const { statusCode, body: answer, headers: answered } = await this.#http.request(sent);
      if (statusCode >= 200 && statusCode < 300) return { body: answer, headers: answered };
      throw wireError(await answer.json()) ?? new SemanticError('Internal', `[client] the daemon answered with status ${statusCode}`);
    } catch (error) {
      throw this.broken(error);
    }
  }

  async json<T extends z.ZodType>(request: DaemonRequest, schema: T): Promise<z.output<T>> {
    const { body } = await this.open(request);
    const json: unknown = await body.json().catch((error: unknown) => {
      throw this.broken(error);
    });
    return schema.parse(json);
  }

  /** What a failure of the connection means to a user; errors of ours as they are. */
  broken(error: unknown): SemanticError {
    if (error instanceof SemanticError) return error;
    const { code, message } = error as NodeJS.ErrnoException;
    const text = NOBODY.has(code ?? '') ? `no daemon answers on ${this.#socket}` : `the daemon on ${this.#socket}: ${message}`;
    return new SemanticError('DaemonUnreachable', `[client] ${text}`, { hint: 'Start one with: semantic serve', cause: error });
  }

  close(): Promise<void> {
    return this.#http.destroy();
  }
}

function contentOf(json: object | undefined, file: DaemonRequest['file']): readonly [string | Readable | null, Record<string, string>] {
  if (file !== undefined) return [file.chunks, { 'content-type': 'application/octet-stream', 'content-length': String(file.bytes) }];
  return json === undefined ? [null, {}] : [JSON.stringify(json), { 'content-type': 'application/json' }];
}

/** What connecting to a place without a living daemon fails with: no file, nobody listening, no answer in time. */
const NOBODY = new Set(['ENOENT', 'ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT']);
