/** Connections to a server over TCP or a Unix socket, and what is asked over them. */
import { Agent } from 'undici';
import type { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { type Asked, broken, streamChat, type Streamed, type StreamOptions } from './stream-chat.js';

const CONNECT_TIMEOUT_MS = 5_000;

export class HttpEndpoint {
  readonly #http: Agent;
  readonly #origin: string;
  /** Before `/v1`. */
  readonly #prefix: string;

  /** `address`: `http://host:port`, with or without a path that may end in /v1, or the path of a Unix socket. */
  constructor(
    readonly address: string,
    /** Of the server, for errors. */
    private readonly name: string,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {
    const isUrl = /^https?:\/\//.test(address);
    const connect = { timeout: CONNECT_TIMEOUT_MS, ...(isUrl ? {} : { socketPath: address }) };
    // A long prompt is answered when it is answered. Many agents ask at once, each on a connection of its own.
    this.#http = new Agent({ connect, headersTimeout: 0, bodyTimeout: 0, keepAliveTimeout: 60_000, pipelining: 1 });
    const url = parsed(isUrl ? address : 'http://localhost', address);
    this.#origin = url.origin;
    this.#prefix = url.pathname.replace(/\/+$/, '').replace(/\/v1$/, '');
  }

  chat(json: object, options?: StreamOptions): Promise<Streamed> {
    const { name, headers } = this;
    const asked: Asked = { http: this.#http, origin: this.#origin, path: `${this.#prefix}/v1/chat/completions`, headers, json, name };
    return streamChat(asked, options);
  }

  /** Throws PeerFailed for anything but a 200 with such a body. */
  async get<T extends z.ZodType>(path: string, schema: T, signal: AbortSignal): Promise<z.output<T>> {
    try {
      const { statusCode, body } = await this.#http.request({
        origin: this.#origin,
        path: this.#prefix + path,
        method: 'GET',
        headers: this.headers,
        signal,
      });
      if (statusCode !== 200) {
        await body.dump();
        throw new SemanticError('PeerFailed', `[bench] ${this.name} answered ${path} with status ${statusCode}`);
      }
      return schema.parse(await body.json());
    } catch (error) {
      throw broken(this.name, error);
    }
  }

  /** Whether somebody listens, whatever the answer. */
  async isListening(path: string): Promise<boolean> {
    try {
      const { statusCode, body } = await this.#http.request({ origin: this.#origin, path: this.#prefix + path, method: 'GET' });
      await body.dump();
      return statusCode !== 503; // llama-server, while it loads
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    return this.#http.destroy();
  }
}

function parsed(text: string, given: string): URL {
  try {
    return new URL(text);
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `[bench] ${JSON.stringify(given)} is no address`, {
      hint: 'Such as http://127.0.0.1:8080, or the path of a Unix socket.',
      cause,
    });
  }
}
