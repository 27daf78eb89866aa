/** /v1/admin/models and /v1/admin/aliases: the models on this machine and their names. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Config } from '../../adapters/config/schema.js';
import { readAliases } from '../../adapters/hub/alias-file.js';
import { type Alias, removeAlias, setAlias } from '../../adapters/hub/change-alias.js';
import { installedModels } from '../../adapters/hub/locate-model.js';
import { findInstalled, libraryHere, listModels, showModel } from '../../adapters/hub/model-library.js';
import { pull } from '../../adapters/hub/pull/pull.js';
import { assertNotResident, removeModel } from '../../adapters/hub/remove-model.js';
import { verifyModel } from '../../adapters/hub/verify-model.js';
import type { ModelBody, ModelDetailBody, RemovedModelBody } from '../../client/model-bodies.js';
import { type ResidentUse, toModelBody, toModelDetailBody } from '../../client/to-model-body.js';
import { callerOf } from '../caller.js';
import type { StreamLimits } from '../event-stream.js';
import { invalidField, parseBody } from '../request-body.js';
import { streamReport } from '../stream-report.js';
import { newAliasSchema, pullSchema, removeModelQuery } from './schema.js';

export interface ResidentModelUse extends ResidentUse {
  readonly id: string;
}

export interface LibraryRouteOptions {
  /** The models in memory. */
  resident(): readonly ResidentModelUse[];
  readonly stream: StreamLimits;
  readonly hub: Config['hub'];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

interface OfModel {
  readonly Params: { readonly id: string };
}

export function libraryRoutes(app: FastifyInstance, options: LibraryRouteOptions): void {
  const places = libraryHere();
  const residentUse = (id: string): ResidentUse | null => options.resident().find((model) => model.id === id) ?? null;
  app.get('/v1/admin/models', async (): Promise<{ readonly object: 'list'; readonly data: readonly ModelBody[] }> => {
    const models = await listModels(places);
    return { object: 'list', data: models.map((model) => toModelBody(model, residentUse(model.id))) };
  });
  app.get<OfModel>('/v1/admin/models/:id', async (request): Promise<ModelDetailBody> => {
    const model = await showModel(request.params.id, places);
    return toModelDetailBody(model, residentUse(model.id));
  });
  app.delete<OfModel>('/v1/admin/models/:id', async (request): Promise<RemovedModelBody> => {
    const dryRun = parseBody(removeModelQuery, request.query).dry_run === 'true';
    const model = findInstalled(request.params.id, places);
    assertNotResident(
      model,
      options.resident().map(({ id }) => id),
    );
    if (!dryRun) await removeModel(model, places.models);
    return { id: model.id, object: 'model.removed', bytes: model.bytes, dry_run: dryRun };
  });
  app.post<OfModel>('/v1/admin/models/:id/verify', (request, reply) => {
    const model = findInstalled(request.params.id, places);
    return streamReport(request, reply, options.stream, async (onProgress) => ({
      type: 'report' as const,
      ...(await verifyModel(model, (done, total) => onProgress({ phase: 'verify', done, total }))),
    }));
  });
  app.post('/v1/admin/models/pull', (request, reply) => pullRoute(options, request, reply));
  aliasRoutes(app, places.aliases);
}

/** A client that goes away stops it; what arrived is kept for the next time. */
function pullRoute({ hub, environment, stream }: LibraryRouteOptions, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { source, name } = parseBody(pullSchema, request.body);
  if (!/^hf:|^(?!.*\.gguf$)[A-Za-z0-9][\w.-]*$/.test(source) && !callerOf(request).seesAll) {
    throw invalidField('source', 'files of this machine are installed with the command `semantic models pull`, not over HTTP');
  }
  return streamReport(request, reply, stream, async (onProgress, signal) => ({
    type: 'report' as const,
    ...(await pull({ source, name: name ?? null, how: null, hub, environment, onProgress, signal })),
  }));
}

function aliasRoutes(app: FastifyInstance, path: string): void {
  app.get('/v1/admin/aliases', (): { readonly object: 'list'; readonly data: readonly Alias[] } => ({
    object: 'list',
    data: [...readAliases(path)].map(([name, model]) => ({ name, model })),
  }));
  app.post('/v1/admin/aliases', async (request, reply): Promise<Alias> => {
    const alias = parseBody(newAliasSchema, request.body);
    const { name, model } = await setAlias(
      path,
      alias,
      installedModels().map(({ id }) => id),
    );
    void reply.code(201);
    return { name, model };
  });
  app.delete<{ Params: { name: string } }>('/v1/admin/aliases/:name', (request): Promise<Alias> => removeAlias(path, request.params.name));
}
