/** The one place where the server is listened to: every route of a dialect, of agents and of embeddings, and nothing of how the daemon is run. */
import type { FastifyInstance } from 'fastify';
import type { Recorder } from './recorder.js';

/** To be called behind the doors: who is refused there is not recorded. */
export function tapRequests(app: FastifyInstance, recorder: Recorder): void {
  app.addHook('onRequest', (request, reply, done) => {
    if (isRecorded(request.routeOptions.url)) recorder.follow(request, reply);
    done();
  });
}

/** Files of agents are too large to keep, and in no form that could be read. */
function isRecorded(route: string | undefined): boolean {
  return route !== undefined && /^\/v1\/(?!admin\/|cache\b|agents\/:id\/export$|agents\/import$)/.test(route);
}
