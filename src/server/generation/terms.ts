/** On what terms a request is served: its class, and its deadline. Headers say it for clients that cannot say it in the body. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PRIORITIES, type Priority } from '../../core/domain/priority.js';
import { parseBody } from '../request-body.js';

/** A day. */
const LONGEST_MS = 86_400_000;

const milliseconds = z.int().min(1).max(LONGEST_MS);

export const termFields = {
  priority: z.enum(PRIORITIES, { error: `wanted ${PRIORITIES.map((name) => JSON.stringify(name)).join(' or ')}` }).nullish(),
  /** Milliseconds from the request's arrival at which it ends, whatever it has. */
  timeout_ms: milliseconds.nullish(),
};

const headerSchema = z.object({
  'x-semantic-priority': termFields.priority,
  'x-semantic-timeout-ms': z
    .string()
    .regex(/^\d{1,9}$/, `wanted milliseconds from 1 to ${LONGEST_MS}`)
    .transform(Number)
    .pipe(milliseconds)
    .optional(),
});

export interface Terms {
  readonly priority: Priority;
  readonly timeoutMs: number | null;
}

export function toTerms(body: z.output<z.ZodObject<typeof termFields>>, headers: FastifyRequest['headers']): Terms {
  const said = parseBody(headerSchema, headers);
  return {
    priority: body.priority ?? said['x-semantic-priority'] ?? 'interactive',
    timeoutMs: body.timeout_ms ?? said['x-semantic-timeout-ms'] ?? null,
  };
}
