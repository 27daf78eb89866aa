import type { FastifyInstance } from 'fastify';
import { unitVector } from '../../core/embedding/unit-vector.js';
import { callerOf } from '../caller.js';
import type { Embedders } from '../open-embedder.js';
import { invalidField, parseBody } from '../request-body.js';
import { whenGone } from '../when-gone.js';
import { embeddingsBody } from './bodies.js';
import { embeddingsSchema } from './schema.js';
import { toInputs } from './to-inputs.js';

export interface EmbeddingOptions {
  readonly embedders: Embedders;
  /** Id of the model that a name means. Throws ModelNotFound. */
  readonly resolveModel: (wanted: string) => string;
}

/** POST /v1/embeddings. */
export function embeddings(app: FastifyInstance, { embedders, resolveModel }: EmbeddingOptions): void {
  const { queue } = embedders;
  app.post('/v1/embeddings', async (request, reply) => {
    const { scope: key } = callerOf(request);
    const body = parseBody(embeddingsSchema, request.body);
    const signal = whenGone(reply, null);
    return queue.withPlace(() =>
      embedders.use(body.model, { resolve: resolveModel, signal }, async (model) => {
        const { hiddenSize } = model;
        const dimensions = body.dimensions ?? hiddenSize;
        if (dimensions > hiddenSize)
          throw invalidField('dimensions', `wanted at most ${hiddenSize}, what ${model.id} gives, got ${dimensions}`);
        const inputs = await toInputs(body, model);
        const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
        const vectors = await model.embed(inputs, { key, signal }).finally(() => request.chargeTokens?.(tokens));
        return embeddingsBody(
          model.id,
          vectors.map((vector) => unitVector(vector, dimensions)),
          tokens,
          body.encoding_format,
        );
      }),
    );
  });
}
