/** What clients of the Messages API ask besides, to see whether anybody is there; and what they report, which nobody here reads. */
import type { FastifyInstance } from 'fastify';

export function probes(app: FastifyInstance): void {
  app.get('/', { config: { open: true } }, () => ({ status: 'ok' }));
  app.get('/api/hello', { config: { open: true } }, () => ({ message: 'hello' }));
  app.post('/api/event_logging/batch', () => ({}));
}
