/**
 * A canonical request as it goes to the engine: with the trace it is part of, the seed that a header wants, and somebody who notes what is
 * generated for it where that is asked for, by a header or because exchanges are recorded.
 */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import type { Generation } from '../../adapters/recordings/format.js';
import type { GenerationRequest, Witness } from '../../core/domain/request.js';
import { parseBody } from '../request-body.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What was generated for it, in the order in which it was taken in; undefined where nobody wants to know. */
    generations?: Generation[];
  }
}

const MOST_SEED = 2n ** 64n - 1n;
const wantedSeed = `wanted an integer from 0 to ${MOST_SEED}`;
const wantedDetail = 'wanted "generation"';

const headerSchema = z.object({
  'x-semantic-seed': z
    .string()
    .regex(/^\d{1,20}$/, wantedSeed)
    .transform(BigInt)
    .refine((seed) => seed <= MOST_SEED, wantedSeed)
    .optional(),
  'x-semantic-detail': z.literal('generation', { error: wantedDetail }).optional(),
});

type Served = Pick<GenerationRequest, 'sampling'>;

/** `model`: its name. Throws InvalidRequest for headers that are none. */
export function asServed<R extends Served>(
  asked: R,
  request: FastifyRequest,
  model: string,
): R & Pick<GenerationRequest, 'trace' | 'witness'> {
  const { trace } = request;
  const { 'x-semantic-seed': seed, 'x-semantic-detail': detail } = parseBody(headerSchema, request.headers);
  if (detail !== undefined) request.generations ??= [];
  const { generations } = request;
  return {
    ...asked,
    ...(seed === undefined ? {} : { sampling: { ...asked.sampling, seed } }),
    ...(trace === undefined ? {} : { trace }),
    ...(generations === undefined ? {} : { witness: noting(generations, model) }),
  };
}

/** Fills `generations` as answers go on. */
function noting(generations: Generation[], model: string): Witness {
  const places = new Map<GenerationRequest, number>();
  return (request, event) => {
    if (event.type === 'queued') {
      places.set(request, generations.length);
      generations.push(begun(request, model, event.promptTokens));
      return;
    }
    const at = places.get(request)!;
    const noted = generations[at]!;
    if (event.type === 'started') {
      const { cachedTokens, source, miss } = event.cache;
      generations[at] = { ...noted, cachedTokens, source, miss: miss?.cause ?? null };
    } else {
      const { tokens, reason, usage } = event;
      generations[at] = { ...noted, tokens: tokens === null ? null : [...tokens.subarray(usage.promptTokens)], reason };
    }
  };
}

function begun({ sampling }: GenerationRequest, model: string, promptTokens: number): Generation {
  const { seed, temperature } = sampling;
  return {
    model,
    seed: String(BigInt.asUintN(64, seed)),
    temperature,
    promptTokens,
    cachedTokens: 0,
    source: 'none',
    miss: null,
    tokens: null,
    reason: null,
  };
}
