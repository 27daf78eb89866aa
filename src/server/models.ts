import type { FastifyInstance } from 'fastify';
import { assertServed } from './served-model.js';

export interface ServedModel {
  readonly id: string;
  readonly contextLength: number;
  readonly loadedAt: number;
}

/** GET /v1/models and /v1/models/{id}. */
export function models(app: FastifyInstance, { id, contextLength, loadedAt }: ServedModel): void {
  const card = { id, object: 'model', created: loadedAt, owned_by: 'semantic', context_length: contextLength };
  app.get('/v1/models', () => ({ object: 'list', data: [card] }));
  app.get<{ Params: { id: string } }>('/v1/models/:id', (request) => {
    assertServed(request.params.id, id);
    return card;
  });
}
