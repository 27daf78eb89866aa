import type { FastifyInstance } from 'fastify';
import type { ResidentModel } from '../core/residency/resident-model.js';
import { modelInfo, modelPage } from './messages/model-bodies.js';
import { speaksMessages } from './messages/speaks-messages.js';
import type { ServedModels } from './served-models.js';

/** GET /v1/models and /v1/models/{id}, in the shape that the client's dialect has for them: what is in memory, the current one first. */
export function models(app: FastifyInstance, served: ServedModels): void {
  app.get('/v1/models', (request) => {
    const models = served.list().map(({ model }) => model);
    return speaksMessages(request) ? modelPage(models) : { object: 'list', data: models.map(card) };
  });
  app.get<{ Params: { id: string } }>('/v1/models/:id', (request) => {
    const model = served.find(request.params.id);
    return speaksMessages(request) ? modelInfo(model) : card(model);
  });
}

function card({ name, engine, loadedAt }: ResidentModel): object {
  const created = Math.floor(loadedAt / 1000);
  return { id: name, object: 'model', created, owned_by: 'semantic', context_length: engine.model.contextLength };
}
