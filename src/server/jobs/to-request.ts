/** What a client asks for, as a job. */
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { submitSchema } from '../../client/jobs/job-bodies.js';
import type { JobEndpoint, JobRequest } from '../../core/domain/job.js';
import type { Priority } from '../../core/domain/priority.js';
import { callerOf, OwnSocketRequest } from '../caller.js';
import { chatCompletionSchema } from '../chat-completions/schema.js';
import { completionSchema } from '../completions/schema.js';
import { isLoopback } from '../doors/loopback.js';
import { embeddingsSchema } from '../embeddings/schema.js';
import { messagesSchema } from '../messages/schema.js';
import { invalidField, parseBody } from '../request-body.js';
import { responsesSchema } from '../responses/schema.js';
import { assertWebhook } from './assert-webhook.js';
import { fingerprintOf } from './fingerprint.js';

export interface JobDefaults {
  readonly class: Priority;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly webhookHosts: readonly string[];
}

const SCHEMAS: Readonly<Record<JobEndpoint, z.ZodObject>> = {
  '/v1/chat/completions': chatCompletionSchema,
  '/v1/messages': messagesSchema,
  '/v1/responses': responsesSchema,
  '/v1/completions': completionSchema,
  '/v1/embeddings': embeddingsSchema,
};

/** The same check as SDKs' keys go through that send one by themselves. */
const KEY = /^[\x20-\x7e]{1,255}$/;

/** Throws InvalidRequest: what is wrong with the request in it is told now, and not when nobody listens. */
export function toJobRequest(asked: z.output<typeof submitSchema>, request: FastifyRequest, defaults: JobDefaults): JobRequest {
  const { endpoint, body, webhook } = asked;
  assertWhole(body, 'body');
  parseBody(SCHEMAS[endpoint], body, 'body');
  if (typeof webhook === 'string') assertWebhook(webhook, { hosts: defaults.webhookHosts, mayLoopback: isHere(request) });
  return {
    scope: callerOf(request).scope,
    endpoint,
    body: JSON.stringify(body),
    class: defaults.class,
    priority: asked.priority ?? defaults.priority,
    deadline: deadlineOf(asked.deadline ?? null),
    maxAttempts: asked.max_attempts ?? defaults.maxAttempts,
    idempotencyKey: asked.idempotency_key ?? keyInHeader(request),
    fingerprint: fingerprintOf({ ...asked, idempotency_key: undefined }),
    webhook: webhook ?? null,
    batch: null,
    customId: null,
  };
}

/** Throws InvalidRequest. */
export function assertWhole(body: Readonly<Record<string, unknown>>, at: string): void {
  for (const field of ['stream', 'background'])
    if (body[field] === true) throw invalidField(`${at}.${field}`, 'wanted false: a job has one answer, whole; follow the job instead');
}

function deadlineOf(seconds: number | null): number | null {
  if (seconds === null) return null;
  const ms = Math.round(seconds * 1000);
  if (ms > Date.now()) return ms;
  throw invalidField('deadline', `wanted a time to come, in seconds since 1970, got ${seconds}`);
}

function keyInHeader({ headers }: FastifyRequest): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && KEY.test(key)) return key;
  throw invalidField('idempotency-key', 'wanted 1 to 255 printable ASCII characters');
}

function isHere(request: FastifyRequest): boolean {
  return request.raw instanceof OwnSocketRequest || isLoopback(request.ip);
}
