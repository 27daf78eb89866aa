import type { FastifyInstance } from 'fastify';
import { SemanticError } from '../../core/domain/errors.js';

/**
 * Codex asks for a WebSocket first, and takes 426 for the answer that there is none: it goes on over HTTP at once. Without a listener of its
 * own for upgrades Node hands such a request to the application like any other.
 */
export function refuseUpgrades(app: FastifyInstance): void {
  app.get('/v1/responses', (request, reply) => {
    if (request.headers.upgrade === undefined) throw new SemanticError('RouteNotFound', 'there is no GET /v1/responses without an id');
    void reply.header('upgrade', 'HTTP/1.1');
    throw new SemanticError('UpgradeRefused', 'there is no WebSocket here.', {
      hint: 'POST to the same path, with stream: true for events.',
    });
  });
}
