/** The daemon over its Unix socket, with the engine's own interface: a command need not know which of the two it talks to. */
import { z } from 'zod';
import { SemanticError } from '../core/domain/errors.js';
import type { EngineEvent, FinishReason, GenerationRequest, TextGenerator, TokenLogprob } from '../core/domain/request.js';
import { DaemonHttp } from './daemon-http.js';
import { sseData } from './sse-lines.js';
import { wireError } from './wire-error.js';
import { wireRequest } from './wire-request.js';

const logprob = z.object({ bytes: z.array(z.number()), logprob: z.number() });
const chunkSchema = z.object({
  choices: z.array(
    z.object({
      delta: z.object({ content: z.string().nullish() }),
      finish_reason: z.string().nullish(),
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
  readonly #http: DaemonHttp;

  private constructor(http: DaemonHttp, model: RemoteModel) {
    this.#http = http;
    this.model = model;
  }

  readonly model: RemoteModel;

  /** Null when no daemon answers there. */
  static async connect(socket: string, connectTimeoutMs: number): Promise<DaemonClient | null> {
    const http = new DaemonHttp(socket, connectTimeoutMs);
    try {
      const model = (await http.json({ method: 'GET', path: '/v1/models' }, modelsSchema)).data[0];
      if (model === undefined) throw new SemanticError('ModelUnavailable', `[client] the daemon on ${socket} has no model in memory now`);
      return new DaemonClient(http, { id: model.id, contextLength: model.context_length });
    } catch (error) {
      await http.close();
      if (error instanceof SemanticError && error.code === 'DaemonUnreachable') return null;
      throw error;
    }
  }

  /** As the engine's `submit`; `queued` and `started` are left out: their figures come again in `finished`. */
  async *submit(request: GenerationRequest, options: { readonly signal?: AbortSignal } = {}): AsyncGenerator<EngineEvent, void, undefined> {
    const { signal } = options;
    let reason: FinishReason | null = null;
    try {
      const json = wireRequest(this.model.id, request);
      const { body } = await this.#http.open({
        method: 'POST',
        path: '/v1/chat/completions',
        json,
        ...(signal === undefined ? {} : { signal }),
      });
      for await (const data of sseData(body)) {
        if (data === '[DONE]') return;
        const sent = JSON.parse(data) as unknown;
        const error = wireError(sent);
        if (error !== null) throw error;
        const { choices, usage } = chunkSchema.parse(sent);
        const choice = choices[0];
        if (choice !== undefined) {
          const text = choice.delta.content ?? '';
          const logprobs = (choice.logprobs?.content ?? []).map(toLogprob);
          // Tokens whose text was held back come with the one that let it out.
          for (const logprob of logprobs.slice(0, -1)) yield { type: 'token', text: '', logprob };
          const logprob = logprobs.at(-1) ?? null;
          if (text !== '' || logprob !== null) yield { type: 'token', text, logprob };
          if (typeof choice.finish_reason === 'string') reason = choice.finish_reason === 'length' ? 'length' : 'stop';
        }
        if (usage !== null && usage !== undefined && reason !== null) {
          const { prompt_tokens: promptTokens, completion_tokens: completionTokens, prompt_tokens_details: details } = usage;
          yield {
            type: 'finished',
            reason,
            usage: { promptTokens, completionTokens, cachedTokens: details.cached_tokens },
            stopString: null,
            tokens: null,
          };
        }
      }
    } catch (error) {
      throw signal?.aborted === true
        ? new SemanticError('Cancelled', 'the request was cancelled', { cause: error })
        : this.#http.broken(error);
    }
    throw this.#http.broken(new Error('it broke off its answer'));
  }

  close(): Promise<void> {
    return this.#http.close();
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
