/**
 * One line of the log: JSON that ends with the SHA-256 of all of it before. `previous` is that of the line before, so no line can be changed, taken
 * out, put in or moved without all that follow being written anew.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { TimedEvent } from './audit-event.js';

const digest = z.string().regex(/^[\da-f]{64}$/);

const recordSchema = z.strictObject({
  seq: z.int().min(1),
  time: z.iso.datetime(),
  actor: z.string(),
  action: z.string(),
  target: z.string().nullable(),
  outcome: z.string(),
  request: z.string().nullable(),
  detail: z.record(z.string(), z.union([z.string(), z.number()])).optional(),
  previous: digest,
  hash: digest,
});

export type AuditRecord = z.output<typeof recordSchema>;

/** Which line, and its hash. */
export interface Link {
  readonly seq: number;
  readonly hash: string;
}

/** What the first line is written behind. */
export const BEGINNING: Link = { seq: 0, hash: '0'.repeat(64) };

/** Clients choose targets: the log takes so many characters of one. */
const MAX_TARGET = 400;
const MAX_DETAIL = 4_000;

export interface SealedLine extends Link {
  /** With its line break. */
  readonly text: string;
}

export function seal({ at, actor, action, target, outcome, request, detail }: TimedEvent, behind: Link): SealedLine {
  const seq = behind.seq + 1;
  const open = JSON.stringify({
    seq,
    time: new Date(at).toISOString(),
    actor,
    action,
    target: target === null ? null : cut(target, MAX_TARGET),
    outcome,
    request,
    ...(detail === undefined ? {} : { detail: shortened(detail) }),
    previous: behind.hash,
  });
  const hash = sha256(open);
  return { seq, hash, text: `${open.slice(0, -1)},"hash":"${hash}"}\n` };
}

/** `text`: without its line break. Null for what is no line of the log; whether its hash is right is another question. */
export function readLine(text: string): AuditRecord | null {
  try {
    return recordSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Whether the line is the very one that was sealed. */
export function isIntact(text: string, { hash }: AuditRecord): boolean {
  const end = `,"hash":"${hash}"}`;
  return text.endsWith(end) && sha256(`${text.slice(0, -end.length)}}`) === hash;
}

export function sha256(text: string | Uint8Array): string {
  return createHash('sha256').update(text).digest('hex');
}

function cut(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}...`;
}

function shortened(detail: NonNullable<TimedEvent['detail']>): NonNullable<TimedEvent['detail']> {
  return Object.fromEntries(
    Object.entries(detail).map(([name, value]) => [name, typeof value === 'string' ? cut(value, MAX_DETAIL) : value]),
  );
}
