import type { FastifyRequest } from 'fastify';
import { callerOf } from '../caller.js';

/** Null = all: the daemon's own user sees those of every key. */
export function scopeOf(request: FastifyRequest): string | null {
  const { scope, seesAll } = callerOf(request);
  return seesAll ? null : scope;
}
