/** Has what routes change recorded. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AUDITED, type AuditedRoute, EXEMPT } from './audited-routes.js';
import { type AuditSource, RequestAudit } from './request-audit.js';

const READING: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * To be called before the routes are there. Around the handler rather than behind the response: whether a client waits for its answer makes no
 * difference to what was done.
 */
export function auditRoutes(app: FastifyInstance, log: AuditSource): void {
  app.addHook('onRoute', (route) => {
    const { handler, url } = route;
    const methods = [route.method].flat();
    if (methods.every((method) => READING.has(method) || `${method} ${url}` in EXEMPT)) return;
    route.handler = function (request, reply) {
      const handle = (): unknown => handler.call(this, request, reply);
      const entry = entryOf(request, url);
      if (entry === null || entry.isDry?.(request) === true) return handle();
      request.audit = new RequestAudit(request, entry, log);
      return request.audit.watch(handle);
    };
  });
}

/** Null for what is not recorded. */
function entryOf({ method }: FastifyRequest, url: string): AuditedRoute | null {
  const name = `${method} ${url}`;
  if (READING.has(method) || name in EXEMPT) return null;
  return AUDITED[name] ?? { action: name, target: ({ params }) => JSON.stringify(params) };
}
