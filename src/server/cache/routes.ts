/** /v1/cache: what KV there is, where it is and whose; letting go of it; checking it. */
import type { FastifyInstance } from 'fastify';
import type { BlockBody, ChainBody, EvictedBody, OverviewBody } from '../../client/cache-bodies.js';
import { agentOwner, assertAgentId } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { AgentService, CacheService } from '../../core/engine/agent-service.js';
import { suggestAgent } from '../agents/suggest-agent.js';
import { callerOf } from '../caller.js';
import { replyWithError } from '../error-reply.js';
import type { StreamLimits } from '../event-stream.js';
import { invalidField, parseBody } from '../request-body.js';
import { blockBody, chainBody, evictedBody, overviewBody } from './bodies.js';
import { evictSchema } from './schema.js';
import { verify } from './verify.js';

export interface CacheRouteOptions {
  readonly agents: AgentService;
  readonly cache: CacheService;
  readonly stream: StreamLimits;
}

const DIGITS = /^[0-9a-f]{6,64}$/;

export function cacheRoutes(app: FastifyInstance, options: CacheRouteOptions): void {
  void app.register((scope, _options, done) => {
    scope.setErrorHandler((thrown, request, reply) => replyWithError(suggestAgent(thrown, request, options.agents), request, reply));
    register(scope, options);
    done();
  });
}

function register(app: FastifyInstance, { agents, cache, stream }: CacheRouteOptions): void {
  app.get('/v1/cache', (): OverviewBody => overviewBody(cache.inspect()));
  app.get<{ Params: { id: string } }>('/v1/cache/agents/:id', (request): ChainBody => {
    assertAgentId(request.params.id);
    return chainBody(cache.inspectAgent(request.params.id, callerOf(request)));
  });
  app.get<{ Params: { hash: string } }>('/v1/cache/blocks/:hash', (request): BlockBody => {
    const hash = request.params.hash.toLowerCase();
    if (!DIGITS.test(hash)) throw invalidField('hash', `wanted 6 to 64 hex digits, got ${JSON.stringify(hash.slice(0, 70))}`);
    const caller = callerOf(request);
    const block = blockBody(cache.inspectBlock(hash));
    if (caller.seesAll) return block;
    // Its text is that of whoever uses it.
    const visible = new Set(agents.list(caller).map(({ id }) => agentOwner(id)));
    const owners = block.owners.filter((id) => visible.has(id));
    if (owners.length === 0) throw new SemanticError('InvalidRequest', `hash: no block of yours begins with ${hash}`, { param: 'hash' });
    return { ...block, owners };
  });
  app.post('/v1/cache/evict', async (request): Promise<EvictedBody> => {
    const body = parseBody(evictSchema, request.body);
    const what = { agent: body.agent ?? null, to: body.to, dryRun: body.dry_run ?? false };
    if (what.agent !== null) assertAgentId(what.agent, 'agent');
    return evictedBody(await cache.evict(what, callerOf(request)), what);
  });
  app.post('/v1/cache/verify', (request, reply) => verify(cache, request, reply, stream));
}
