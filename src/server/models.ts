import type { FastifyInstance } from 'fastify';
import { modelInfo, modelPage } from './messages/model-bodies.js';
import { speaksMessages } from './messages/speaks-messages.js';
import type { ServedModel } from './served-model.js';

export interface ModelFacts {
  readonly served: ServedModel;
  readonly contextLength: number;
  readonly loadedAt: number;
}

/** GET /v1/models and /v1/models/{id}, in the shape that the client's dialect has for them. */
export function models(app: FastifyInstance, facts: ModelFacts): void {
  const { served, contextLength, loadedAt } = facts;
  const { id } = served;
  const card = { id, object: 'model', created: loadedAt, owned_by: 'semantic', context_length: contextLength };
  app.get('/v1/models', (request) => (speaksMessages(request) ? modelPage(facts) : { object: 'list', data: [card] }));
  app.get<{ Params: { id: string } }>('/v1/models/:id', (request) => {
    served.assertServes(request.params.id);
    return speaksMessages(request) ? modelInfo(facts) : card;
  });
}
