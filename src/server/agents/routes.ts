/** /v1/agents: make, list, show, continue, fork, rewind, keep, move and remove agents. */
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { AgentBody, AgentDetailBody, RemovedAgentBody, TurnsBody } from '../../client/agent-bodies.js';
import { assertAgentId } from '../../core/domain/agent.js';
import { callerOf } from '../caller.js';
import { replyWithError } from '../error-reply.js';
import { parseBody } from '../request-body.js';
import { agentBody, agentDetailBody, removedBody, turnsBody } from './bodies.js';
import { generate, type GenerateOptions } from './generate.js';
import { importFile } from './import-file.js';
import { pinSchema, removeQuerySchema } from './schema.js';
import { suggestAgent } from './suggest-agent.js';
import { toChangedPolicy, toFork, toNewAgent, toRewind } from './to-request.js';

interface OfAgent {
  readonly Params: { readonly id: string };
}

export function agentRoutes(app: FastifyInstance, options: GenerateOptions): void {
  void app.register((scope, _options, done) => {
    const { agents } = options;
    scope.setErrorHandler((thrown, request, reply) => replyWithError(suggestAgent(thrown, request, agents), request, reply));
    collection(scope, options);
    single(scope, options);
    void scope.register((own, _none, ready) => {
      importFile(own, agents);
      ready();
    });
    done();
  });
}

function collection(app: FastifyInstance, { agents }: GenerateOptions): void {
  app.get('/v1/agents', (request): { readonly object: 'list'; readonly data: readonly AgentBody[] } => ({
    object: 'list',
    data: agents.list(callerOf(request)).map(agentBody),
  }));
  app.post('/v1/agents', async (request, reply): Promise<AgentBody> => {
    const agent = toNewAgent(request.body);
    if (agent.id !== undefined) assertAgentId(agent.id);
    const made = await agents.create(agent, callerOf(request));
    void reply.code(201);
    return agentBody(made);
  });
}

function single(app: FastifyInstance, options: GenerateOptions): void {
  const { agents } = options;
  app.get<OfAgent>('/v1/agents/:id', (request): AgentDetailBody => agentDetailBody(agents.show(idOf(request), callerOf(request))));
  app.get<OfAgent>('/v1/agents/:id/turns', (request): TurnsBody => {
    const id = idOf(request);
    return turnsBody(id, agents.turns(id, callerOf(request)));
  });
  app.patch<OfAgent>('/v1/agents/:id', async (request): Promise<AgentBody> =>
    agentBody(await agents.setPolicy(idOf(request), toChangedPolicy(request.body), callerOf(request))),
  );
  app.delete<OfAgent>('/v1/agents/:id', async (request): Promise<RemovedAgentBody> => {
    const query = parseBody(removeQuerySchema, request.query);
    const what = { purge: query.purge === 'true', dryRun: query.dry_run === 'true' };
    return removedBody(await agents.remove(idOf(request), what, callerOf(request)), what);
  });
  app.post<OfAgent>('/v1/agents/:id/generate', (request, reply) => generate(idOf(request), options, request, reply));
  app.post<OfAgent>('/v1/agents/:id/fork', async (request, reply): Promise<AgentBody> => {
    const child = toFork(request.body);
    if (child.id !== undefined) assertAgentId(child.id);
    const forked = await agents.fork(idOf(request), child, callerOf(request));
    void reply.code(201);
    return agentBody(forked);
  });
  app.post<OfAgent>('/v1/agents/:id/rewind', async (request): Promise<AgentBody> =>
    agentBody(await agents.rewind(idOf(request), toRewind(request.body), callerOf(request))),
  );
  app.post<OfAgent>('/v1/agents/:id/pin', async (request): Promise<AgentBody> => {
    const { pinned } = parseBody(pinSchema, request.body ?? {});
    return agentBody(await agents.setPolicy(idOf(request), { pinned: pinned ?? true }, callerOf(request)));
  });
  app.post<OfAgent>('/v1/agents/:id/export', async (request, reply) => {
    const id = idOf(request);
    const { bytes, chunks } = await agents.exportAgent(id, callerOf(request));
    return reply
      .type('application/octet-stream')
      .header('content-length', bytes)
      .header('content-disposition', `attachment; filename="${id}.agent"`)
      .send(Readable.from(chunks));
  });
}

/** Checked here already: an id becomes a file name in more than one place. */
function idOf(request: FastifyRequest<OfAgent>): string {
  const { id } = request.params;
  assertAgentId(id);
  return id;
}
