import type { FastifyRequest } from 'fastify';

/** Whether a client is one of the Messages API, also where it asks for what other dialects have too. */
export function speaksMessages({ headers, url }: FastifyRequest): boolean {
  return headers['anthropic-version'] !== undefined || /^\/v1\/messages(?:[/?]|$)/.test(url);
}
