import { SemanticError } from '../domain/errors.js';
import type { Pooling } from '../domain/pooling.js';
import { type GenerationRequest, NOBODYS_KV, type TextGenerator } from '../domain/request.js';
import { GREEDY } from '../domain/sampling.js';
import type { EmbeddingCaller } from './embedding-model.js';

/** Inputs of one request that are with the engine at once: enough to fill its steps, too few to fill its queue. */
const AT_ONCE = 8;

/**
 * Vectors of inputs that a decoder reads as prompts: each is a request like any other, so it waits its turn, holds KV that was counted, and ends
 * with its client. One token is sampled of each and thrown away.
 */
export async function embedWithDecoder(
  engine: TextGenerator,
  inputs: readonly Int32Array[],
  pooling: Pooling,
  { key, signal }: EmbeddingCaller,
): Promise<readonly Float32Array[]> {
  const vectors: Float32Array[] = [];
  const failed = new AbortController();
  const one = { signal: AbortSignal.any([signal, failed.signal]) };
  let next = 0;
  const work = async (): Promise<void> => {
    for (let i = next++; i < inputs.length; i = next++) vectors[i] = await embed(engine, toRequest(inputs[i]!, pooling, key), one);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, inputs.length) }, work));
  } catch (error) {
    failed.abort(); // the others are of no use to anybody
    throw error;
  }
  return vectors;
}

function toRequest(prompt: Int32Array, embeds: Pooling, scope: string): GenerationRequest {
  return {
    ...NOBODYS_KV,
    messages: [],
    prompt,
    tools: [],
    sampling: GREEDY,
    logprobs: false,
    maxTokens: 1,
    stopStrings: [],
    stopTokenIds: [],
    ignoreEos: true,
    cachePrompt: false,
    persist: 'none',
    scope,
    embeds,
  };
}

async function embed(engine: TextGenerator, request: GenerationRequest, options: { readonly signal: AbortSignal }): Promise<Float32Array> {
  for await (const event of engine.submit(request, options)) {
    if (event.type === 'finished' && event.embedding !== undefined) return event.embedding;
  }
  throw new SemanticError('Cancelled', '[embeddings] the input was not read to its end');
}
