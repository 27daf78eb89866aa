/** /v1/files, as far as batches want them: what goes in, and what came of it. */
import { randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { JobDetail } from '../../core/domain/job.js';
import type { JobDocument, JobQueue } from '../../core/jobs/job-queue.js';
import { SemanticError } from '../../core/domain/errors.js';
import { callerOf } from '../caller.js';
import { scopeOf } from '../jobs/scope-of.js';
import { readBody } from '../json-body.js';
import { invalidField, parseBody } from '../request-body.js';
import { batchOf } from './batch-record.js';
import { jobsOf } from './jobs-of.js';
import type { BatchOptions } from './message-batches.js';
import { pageQuery } from './page-query.js';

export const FILE = 'file';
export const BATCH = 'batch';

interface KeptFile {
  readonly filename: string;
  readonly text: string;
}

interface OfFile {
  readonly Params: { readonly id: string };
}

export function files(app: FastifyInstance, { jobs, maxBodyBytes }: BatchOptions & { readonly maxBodyBytes: number }): void {
  const { desk } = jobs;
  void app.register((scoped, _, done) => {
    scoped.removeAllContentTypeParsers();
    scoped.addContentTypeParser('*', (_request: unknown, payload: Readable) => readBody(payload, maxBodyBytes));
    scoped.post('/v1/files', async (request) => {
      const { purpose, file } = await formOf(request);
      if (purpose !== 'batch') throw invalidField('purpose', `wanted "batch", got ${JSON.stringify(purpose)}`);
      if (typeof file !== 'object' || file === null) throw invalidField('file', 'wanted a file in the form');
      const kept: KeptFile = { filename: file.name.toWellFormed().slice(0, 255), text: await file.text() };
      const made = {
        id: `file-${randomBytes(12).toString('hex')}`,
        scope: callerOf(request).scope,
        kind: FILE,
        createdAt: Date.now(),
        data: JSON.stringify(kept),
      };
      await desk.queue.putDocument(made);
      return fileBody(made);
    });
    done();
  });
  app.get('/v1/files', async (request) => {
    const { limit = 100, after = null } = parseBody(pageQuery, request.query);
    const found = await desk.queue.documents(scopeOf(request), FILE, { after, before: null, limit: limit + 1 });
    const data = found.slice(0, limit).map(fileBody);
    return { object: 'list', data, has_more: found.length > limit, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null };
  });
  app.get<OfFile>('/v1/files/:id', async (request) => {
    const { id } = request.params;
    const made = await madeFile(desk.queue, request, id);
    if (made === null) return fileBody(await batchOf(desk.queue, scopeOf(request), FILE, id));
    let bytes = 0;
    for await (const line of made.lines) bytes += Buffer.byteLength(line);
    const { createdAt } = made.batch;
    return {
      id,
      object: 'file',
      bytes,
      created_at: Math.floor(createdAt / 1000),
      filename: `${id}.jsonl`,
      purpose: 'batch_output',
      status: 'processed',
    };
  });
  app.get<OfFile>('/v1/files/:id/content', async (request, reply) => {
    const { id } = request.params;
    const made = await madeFile(desk.queue, request, id);
    const lines = made === null ? [textOf(await batchOf(desk.queue, scopeOf(request), FILE, id))] : made.lines;
    return reply.type('application/octet-stream').send(Readable.from(lines));
  });
  app.delete<OfFile>('/v1/files/:id', async (request) => {
    const { id } = request.params;
    await batchOf(desk.queue, scopeOf(request), FILE, id);
    await desk.queue.removeDocument(id);
    return { id, object: 'file', deleted: true };
  });
}

export function textOf({ data }: JobDocument): string {
  return (JSON.parse(data) as KeptFile).text;
}

/** What came of a batch is a file by name only: it is written from the jobs when it is asked for. */
export function outputFileOf(batch: string, isErrors: boolean): string {
  return `file-${isErrors ? 'errors' : 'output'}-${batch}`;
}

async function madeFile(
  queue: JobQueue,
  request: FastifyRequest,
  id: string,
): Promise<{ readonly batch: JobDocument; readonly lines: AsyncIterable<string> } | null> {
  const [, kind, of] = /^file-(errors|output)-(batch_\w+)$/.exec(id) ?? [];
  if (of === undefined) return null;
  const batch = await batchOf(queue, scopeOf(request), BATCH, of);
  return { batch, lines: linesOf(queue, batch, kind === 'errors') };
}

async function* linesOf(queue: JobQueue, { scope, id }: JobDocument, isErrors: boolean): AsyncGenerator<string, void, undefined> {
  for await (const job of jobsOf(queue, scope, id)) {
    const isError = job.state !== 'succeeded';
    if (isError === isErrors && job.finishedAt !== null) yield `${JSON.stringify(lineOf(job))}\n`;
  }
}

function lineOf({ id, customId, result, error, state }: JobDetail): object {
  const response = result === null ? null : { status_code: result.status, request_id: id, body: JSON.parse(result.body) as unknown };
  const code = state === 'expired' ? 'batch_expired' : state === 'cancelled' ? 'batch_cancelled' : (error?.code ?? 'server_error');
  return {
    id: id.replace('job_', 'batch_req_'),
    custom_id: customId,
    response,
    error: response === null ? { code, message: error?.message ?? state } : null,
  };
}

function fileBody({ id, createdAt, data }: JobDocument): { readonly id: string; readonly [field: string]: string | number } {
  const { filename, text } = JSON.parse(data) as KeptFile;
  const [bytes, created_at] = [Buffer.byteLength(text), Math.floor(createdAt / 1000)];
  return { id, object: 'file', bytes, created_at, filename, purpose: 'batch', status: 'processed' };
}

async function formOf(request: FastifyRequest): Promise<{ readonly purpose: unknown; readonly file: ReturnType<FormData['get']> }> {
  const type = request.headers['content-type'] ?? '';
  if (!type.startsWith('multipart/form-data'))
    throw invalidField('body', `wanted multipart/form-data, got ${JSON.stringify(type.slice(0, 60))}`);
  try {
    const form = await new Response(request.body as Uint8Array<ArrayBuffer>, { headers: { 'content-type': type } }).formData();
    return { purpose: form.get('purpose'), file: form.get('file') };
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `the form cannot be read: ${(cause as Error).message}`, { cause });
  }
}
