import type { FastifyReply } from 'fastify';

/** Those set by hooks, which a hijacked reply does not send by itself. */
export function setHeaders(reply: FastifyReply): Record<string, string> {
  return Object.fromEntries(
    Object.entries(reply.getHeaders()).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])),
  );
}
