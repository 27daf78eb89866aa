import { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { HttpEndpoint } from './http-endpoint.js';
import type { ChatBody, Streamed } from './stream-chat.js';
import type { Target } from './target.js';

/** Servers tell the length of their context in ways of their own, or not at all. */
const modelsSchema = z.object({
  data: z.array(
    z.object({
      id: z.string(),
      context_length: z.number().nullish(),
      max_model_len: z.number().nullish(),
      meta: z.object({ n_ctx_train: z.number().nullish() }).nullish(),
    }),
  ),
});

export interface UrlPeerOptions {
  readonly name: string;
  /** `http://host:port`, with or without /v1. `#model` at its end names the model; without it the first one is taken. */
  readonly url: string;
  /** '' = none. */
  readonly apiKey: string;
}

const PROBE: ChatBody = { messages: [{ role: 'user', content: 'Hello.' }], maxTokens: 1 };

/** Any server of the OpenAI chat API. Throws PeerFailed where it does not answer as one. */
export async function joinUrl({ name, url, apiKey }: UrlPeerOptions, signal: AbortSignal): Promise<Target> {
  const [address = '', wanted = null] = url.split('#');
  const http = new HttpEndpoint(address, name, apiKey === '' ? {} : { authorization: `Bearer ${apiKey}` });
  try {
    const { data } = await http.get('/v1/models', modelsSchema, signal);
    const model = wanted === null ? data[0] : data.find(({ id }) => id === wanted);
    if (model === undefined) {
      const known = data.map(({ id }) => id).join(', ');
      throw new SemanticError('PeerFailed', `[bench] ${name} has no model ${wanted ?? 'at all'}`, { hint: `It has: ${known || 'none'}.` });
    }
    const ask = (body: ChatBody, extras: object, options?: Parameters<Target['chat']>[1]): Promise<Streamed> =>
      http.chat({ model: model.id, messages: body.messages, max_tokens: body.maxTokens, temperature: 0, ...extras }, options);
    const extras = await extrasOf((body, more) => ask(body, more, { signal }));
    return {
      name,
      kind: 'url',
      model: model.id,
      contextTokens: model.context_length ?? model.max_model_len ?? model.meta?.n_ctx_train ?? null,
      facts: { address },
      own: null,
      prepare: () => Promise.resolve(),
      chat: (body, options) => ask(body, extras(body), options),
      close: () => http.close(),
    };
  } catch (error) {
    await http.close();
    throw error;
  }
}

/** Some servers take more than the API has, so that an answer has the length that was asked for; others refuse what they do not know. */
async function extrasOf(ask: (body: ChatBody, extras: object) => Promise<Streamed>): Promise<(body: ChatBody) => object> {
  const all = ({ cache = true }: ChatBody): object => ({ ignore_eos: true, cache_prompt: cache });
  try {
    await ask(PROBE, all(PROBE));
    return all;
  } catch (error) {
    if (error instanceof SemanticError && error.code === 'Cancelled') throw error;
    await ask(PROBE, {}); // throws what is really wrong
    return () => ({});
  }
}
