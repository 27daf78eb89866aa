import type { FastifyInstance } from 'fastify';
import { replyWithMessagesError } from './errors.js';

/** Routes that answer as the Messages API does: errors in its form, and the id of the request in a header of its own name. */
export function messagesScope(app: FastifyInstance, routes: (scoped: FastifyInstance) => void): void {
  void app.register((scoped, _, done) => {
    scoped.setErrorHandler(replyWithMessagesError);
    scoped.addHook('onRequest', (request, reply, next) => {
      void reply.header('request-id', request.id);
      next();
    });
    routes(scoped);
    done();
  });
}
