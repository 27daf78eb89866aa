/** Every route that changes something, and what the audit log calls it. A route in neither table is recorded under its own name. */
import type { FastifyRequest } from 'fastify';

export interface AuditedRoute {
  readonly action: string;
  /** What it is done to. `answer`: what the handler returned; undefined where it threw or streamed. */
  readonly target?: (request: FastifyRequest, answer: unknown) => string | null;
  /** Whether this request changes nothing. */
  readonly isDry?: (request: FastifyRequest) => boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null ? (value as Fields) : {});
/** Bodies are not validated yet: what should be a name may be anything. */
const text = (value: unknown): string | null =>
  typeof value === 'string' ? value : value === null || value === undefined ? null : JSON.stringify(value);
const param = (name: string) => (request: FastifyRequest) => text(fields(request.params)[name]);
const inBody = (name: string) => (request: FastifyRequest) => text(fields(request.body)[name]);
const inAnswer = (name: string) => (_request: FastifyRequest, answer: unknown) => text(fields(answer)[name]);
const dryQuery = (request: FastifyRequest): boolean => fields(request.query)['dry_run'] === 'true';
const wholeBody = (request: FastifyRequest): string => JSON.stringify(request.body ?? null);

export const AUDITED: Readonly<Record<string, AuditedRoute>> = {
  'POST /v1/admin/models/load': { action: 'model.load', target: inBody('model') },
  'POST /v1/admin/models/unload': { action: 'model.unload', target: inBody('model') },
  'POST /v1/admin/models/pin': { action: 'model.pin', target: wholeBody },
  'POST /v1/admin/models/swap': { action: 'model.swap', target: inBody('model') },
  'POST /v1/admin/models/pull': { action: 'model.pull', target: inBody('source') },
  'DELETE /v1/admin/models/:id': { action: 'model.remove', target: param('id'), isDry: dryQuery },
  'POST /v1/admin/aliases': {
    action: 'alias.set',
    target: (request) => `${inBody('name')(request)} = ${inBody('model')(request)}`,
  },
  'DELETE /v1/admin/aliases/:name': { action: 'alias.remove', target: param('name') },
  'PATCH /v1/admin/scheduler': { action: 'scheduler.patch', target: wholeBody },
  'POST /v1/admin/config/reload': {
    action: 'config.reload',
    target: (_request, answer) => {
      const { applied } = fields(answer);
      return Array.isArray(applied) ? applied.join(', ') : null;
    },
  },
  'POST /v1/admin/recording': { action: 'recording.start', target: inBody('directory') },
  'DELETE /v1/admin/recording': { action: 'recording.stop', target: inAnswer('directory') },
  'POST /v1/cache/evict': {
    action: 'cache.evict',
    target: (request) => inBody('agent')(request) ?? 'all',
    isDry: (request) => fields(request.body)['dry_run'] === true,
  },
  'POST /v1/agents': { action: 'agent.create', target: inAnswer('id') },
  'PATCH /v1/agents/:id': { action: 'agent.change', target: param('id') },
  'DELETE /v1/agents/:id': { action: 'agent.delete', target: param('id'), isDry: dryQuery },
  'POST /v1/agents/:id/fork': {
    action: 'agent.fork',
    target: (request, answer) => [param('id')(request), inAnswer('id')(request, answer)].filter((id) => id !== null).join(' > '),
  },
  'POST /v1/agents/:id/rewind': { action: 'agent.rewind', target: param('id') },
  'POST /v1/agents/:id/pin': { action: 'agent.pin', target: param('id') },
  'POST /v1/agents/:id/export': { action: 'agent.export', target: param('id') }, // changes nothing, but takes a conversation away
  'POST /v1/agents/import': { action: 'agent.import', target: inAnswer('id') },
  'DELETE /v1/responses/:id': { action: 'response.delete', target: param('id') },
  'POST /v1/jobs/:id/cancel': { action: 'job.cancel', target: param('id') },
  'POST /v1/jobs/:id/retry': { action: 'job.retry', target: param('id') },
  'POST /v1/messages/batches/:id/cancel': { action: 'batch.cancel', target: param('id') },
  'POST /v1/batches/:id/cancel': { action: 'batch.cancel', target: param('id') },
  'DELETE /v1/files/:id': { action: 'file.delete', target: param('id') },
};

const GENERATES = 'an answer: the log of requests and the metrics have it';
const READS = 'only reads';
const WORKS = 'what workers do with jobs: the events of each job have it';

/** Routes that are not recorded, and why. */
export const EXEMPT: Readonly<Record<string, string>> = {
  'POST /v1/chat/completions': GENERATES,
  'POST /v1/completions': GENERATES,
  'POST /v1/embeddings': GENERATES,
  'POST /v1/messages': GENERATES,
  'POST /v1/messages/count_tokens': READS,
  'POST /v1/responses': GENERATES,
  'POST /v1/responses/input_tokens': READS,
  'POST /v1/responses/:id/cancel': 'ends an answer of the one who asked for it',
  'POST /v1/agents/:id/generate': GENERATES,
  'POST /v1/infer/sync': GENERATES,
  'POST /v1/jobs': GENERATES,
  'POST /v1/messages/batches': GENERATES,
  'POST /v1/batches': GENERATES,
  'POST /v1/files': 'what a batch asks for: the batch is what does something',
  'POST /v1/jobs/lease': WORKS,
  'POST /v1/jobs/:id/renew': WORKS,
  'POST /v1/jobs/:id/complete': WORKS,
  'POST /v1/jobs/:id/fail': WORKS,
  'POST /v1/cache/verify': READS,
  'POST /v1/admin/models/:id/verify': READS,
  'POST /api/event_logging/batch': 'what a client tells its vendor is thrown away',
};
