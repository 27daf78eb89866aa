/** Requests one by one, a JSON file each, as tests keep those of real clients: no answers, only what became of them. */
import { z } from 'zod';
import { SemanticError } from '../../../core/domain/errors.js';
import type { Foreign } from './foreign.js';

const requestSchema = z.looseObject({
  seq: z.int().min(1),
  /** Since the session began. */
  t_ms: z.number().min(0),
  end_ms: z.number().min(0).optional(),
  method: z.string(),
  path: z.string().startsWith('/'),
  headers: z.record(z.string(), z.string()),
  body: z.unknown(),
  status: z.int().min(100).max(599).optional(),
  client_aborted: z.boolean().optional(),
});

/** One session: what was in its files. Throws FileDamaged with file and field. */
export function readRequests(files: readonly { readonly name: string; readonly json: unknown }[]): Foreign[] {
  const requests = files.map(({ name, json }) => {
    const parsed = requestSchema.safeParse(json);
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new SemanticError('FileDamaged', `[recording] ${name}: ${issue?.path.join('.')}: ${issue?.message}`, {
      hint: 'Wanted is a HAR file, or files with one request each: docs/recordings.md.',
    });
  });
  return requests
    .sort((a, b) => a.seq - b.seq)
    .map(({ t_ms: at, end_ms: end = at, method, path, headers, body, status = null, client_aborted: wasLeft = false }) => ({
      method,
      path,
      headers,
      body: body ?? null,
      at,
      status: wasLeft ? null : status,
      answerHeaders: {},
      answer: null,
      events: null,
      firstMs: null, // answers came from a script
      totalMs: Math.max(0, end - at),
      wasLeft,
    }));
}
