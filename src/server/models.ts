import type { FastifyInstance } from 'fastify';
import type { ServedModel } from './served-model.js';

export interface ModelFacts {
  readonly served: ServedModel;
  readonly contextLength: number;
  readonly loadedAt: number;
}

/** GET /v1/models and /v1/models/{id}. */
export function models(app: FastifyInstance, { served, contextLength, loadedAt }: ModelFacts): void {
  const { id } = served;
  const card = { id, object: 'model', created: loadedAt, owned_by: 'semantic', context_length: contextLength };
  app.get('/v1/models', () => ({ object: 'list', data: [card] }));
  app.get<{ Params: { id: string } }>('/v1/models/:id', (request) => {
    served.assertServes(request.params.id);
    return card;
  });
}
