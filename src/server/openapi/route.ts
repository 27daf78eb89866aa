/** GET /openapi.json and GET /docs: what this daemon answers, as a document and as a page. */
import type { FastifyInstance } from 'fastify';
import { type Document, documentOf, type Route } from './document.js';
import { agentOperations } from './operations/agents.js';
import { batchOperations } from './operations/batches.js';
import { daemonOperations } from './operations/daemon.js';
import { dialects } from './operations/dialects.js';
import { jobOperations } from './operations/jobs.js';
import { storedResponseOperations } from './operations/stored-responses.js';
import { pageOf } from './page.js';

export const OPERATIONS = [
  ...dialects,
  ...storedResponseOperations,
  ...agentOperations,
  ...jobOperations,
  ...batchOperations,
  ...daemonOperations,
];

/** To be called before any other route is there: only those that come after it are in the document. */
export function openapi(app: FastifyInstance, version: string): void {
  const routes: Route[] = [];
  app.addHook('onRoute', ({ method, url }) => {
    for (const one of Array.isArray(method) ? method : [method]) routes.push({ method: one, url });
  });
  let made: Document | null = null;
  const document = (): Document => (made ??= documentOf(routes, OPERATIONS, version));
  app.get('/openapi.json', { config: { open: true } }, () => document());
  app.get('/docs', { config: { open: true } }, (_request, reply) => reply.type('text/html; charset=utf-8').send(pageOf(document())));
}
