/** POST /v1/agents/import: the body is a file of any size and is never held whole. */
import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { FastifyInstance } from 'fastify';
import type { AgentBody } from '../../client/agent-bodies.js';
import { assertAgentId } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { AgentService } from '../../core/engine/agent-service.js';
import { callerOf } from '../caller.js';
import { parseBody } from '../request-body.js';
import { agentBody } from './bodies.js';
import { importQuerySchema } from './schema.js';

export function importFile(app: FastifyInstance, agents: AgentService): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, payload, done) => done(null, payload));
  app.post('/v1/agents/import', async (request, reply): Promise<AgentBody> => {
    const { id } = parseBody(importQuerySchema, request.query);
    const file = request.body as Readable | undefined;
    if (file === undefined)
      throw new SemanticError('InvalidRequest', 'body: wanted what /v1/agents/{id}/export gave, got nothing', { param: 'body' });
    try {
      if (id !== undefined) assertAgentId(id);
      const chunks = file.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
      const agent = await agents.importAgent(chunks, id === undefined ? {} : { id }, callerOf(request));
      void reply.code(201);
      return agentBody(agent);
    } catch (error) {
      if (file.errored !== null) throw new SemanticError('Cancelled', 'the file broke off: its sender went away', { cause: error });
      await readToItsEnd(file);
      throw asTheirs(error);
    }
  });
}

/** The store speaks of damage as of its own: this is the client's. */
function asTheirs(error: unknown): unknown {
  if (!(error instanceof SemanticError) || error.code !== 'CacheCorruption') return error;
  return new SemanticError('FileDamaged', error.message, { param: 'body', cause: error });
}

/** Closing the connection on a client that still sends would lose it the answer that says why. */
async function readToItsEnd(file: Readable): Promise<void> {
  file.resume();
  await finished(file).catch(() => undefined); // a client that went away needs no answer
}
