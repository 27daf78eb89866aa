/** The daemon over its Unix socket, with the engine's own interface: a command need not know which of the two it talks to. */
import { Client } from 'undici';
import { z } from 'zod';
import { SemanticError } from '../core/domain/errors.js';
import type { EngineEvent, FinishReason, GenerationRequest, TextGenerator, TokenLogprob } from '../core/domain/request.js';
import { sseData } from './sse-lines.js';
import { wireError } from './wire-error.js';
import { wireRequest } from './wire-request.js';

const logprob = z.object({ bytes: z.array(z.number()), logprob: z.number() });
const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }),
      finish_reason: z.enum(['stop', 'length']).nullish(),
      logprobs: z.object({ content: z.array(logprob.extend({ top_logprobs: z.array(logprob) })) }).nullish(),
    }),
  ),
  usage: z
    .object({ prompt_tokens: z.number(), completion_tokens: z.number(), prompt_tokens_details: z.object({ cached_tokens: z.number() }) })
    .nullish(),
});
const modelsSchema = z.object({ data: z.array(z.object({ id: z.string(), context_length: z.number() })) });

export interface RemoteModel {
  readonly id: string;
  readonly contextLength: number;
}

export class DaemonClient implements TextGenerator {
  readonly #http: Client;
  readonly #socket: string;
  readonly #model: string;

  private constructor(http: Client, socket: string, model: RemoteModel) {
    this.#http = http;
    this.#socket = socket;
    this.#model = model.id;
    this.model = model;
  }

  readonly model: RemoteModel;

  /** Null when no daemon answers there. */
  static async connect(socket: string, connectTimeoutMs: number): Promise<DaemonClient | null> {
    // Answers may take as long as they take: only connecting has a limit.
    const http = new Client('http://localhost', {
      socketPath: socket,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    try {
      const { body } = await http.request({ method: 'GET', path: '/v1/models' });
      const model = modelsSchema.parse(await body.json()).data[0];
      if (model === undefined) throw new SemanticError('DaemonUnreachable', `[client] the daemon on ${socket} serves no model`);
      return new DaemonClient(http, socket, { id: model.id, contextLength: model.context_length });
    } catch (error) {
      await http.destroy();
      if (isAbsent(error)) return null;
      throw error;
    }
  }

  /** As the engine's `submit`; `queued` and `started` are left out: their figures come again in `finished`. */
  async *submit(request: GenerationRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal } = options;
    let reason: FinishReason | null = null;
    try {
      for await (const data of sseData(await this.#post(wireRequest(this.#model, request), signal))) {
        if (data === '[DONE]') return;
        const json = JSON.parse(data) as unknown;
        const error = wireError(json);
        if (error !== null) throw error;
        const { choices, usage } = chunkSchema.parse(json);
        const choice = choices[0];
        if (choice !== undefined) {
          const text = choice.delta.content ?? '';
          const entry = choice.logprobs?.content[0];
          if (text !== '' || entry !== undefined) yield { type: 'token', text, logprob: entry === undefined ? null : toLogprob(entry) };
          reason = choice.finish_reason ?? reason;
        }
        if (usage !== null && usage !== undefined && reason !== null) {
          const { prompt_tokens: promptTokens, completion_tokens: completionTokens, prompt_tokens_details: details } = usage;
          yield { type: 'finished', reason, usage: { promptTokens, completionTokens, cachedTokens: details.cached_tokens }, tokens: null };
        }
      }
    } catch (error) {
      throw signal?.aborted === true ? new SemanticError('Cancelled', 'the request was cancelled', { cause: error }) : this.#reached(error);
    }
    throw new SemanticError('DaemonUnreachable', `[client] the daemon on ${this.#socket} broke off its answer`);
  }

  close(): Promise<void> {
    return this.#http.destroy();
  }

  async #post(json: object, signal: AbortSignal | undefined): Promise<AsyncIterable<Uint8Array>> {
    const { statusCode, body } = await this.#http.request({
      method: 'POST',
      path: '/v1/chat/completions',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(json),
      ...(signal === undefined ? {} : { signal }),
    });
    if (statusCode === 200) return body;
    throw wireError(await body.json()) ?? new SemanticError('Internal', `[client] the daemon answered with status ${statusCode}`);
  }

  #reached(error: unknown): unknown {
    if (error instanceof SemanticError) return error;
    return new SemanticError('DaemonUnreachable', `[client] the daemon on ${this.#socket}: ${(error as Error).message}`, { cause: error });
  }
}

function toLogprob(entry: z.output<typeof logprob> & { top_logprobs: z.output<typeof logprob>[] }): TokenLogprob {
  // The wire has the bytes of a token, not its id.
  const one = ({ bytes, logprob: value }: z.output<typeof logprob>): TokenLogprob['top'][number] => ({
    token: -1,
    bytes: Uint8Array.from(bytes),
    logprob: value,
  });
  return { ...one(entry), top: entry.top_logprobs.map(one) };
}

/** What connecting to a place without a living daemon fails with: no file, nobody listening, hung up on, no answer in time. */
const ABSENT = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_SOCKET']);

function isAbsent(error: unknown): boolean {
  return ABSENT.has((error as NodeJS.ErrnoException).code ?? '');
}
