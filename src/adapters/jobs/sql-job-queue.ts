/** The queue on the embedded database, in a thread of its own: what a commit waits for the disk holds up no answer. */
import { existsSync, renameSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { SemanticError } from '../../core/domain/errors.js';
import type { Job, JobDetail, JobRequest, JobResult, JobTally, LeasedJob } from '../../core/domain/job.js';
import type { JobEvent, JobTopic } from '../../core/domain/job-event.js';
import type {
  AttemptFailure,
  DocumentPage,
  DueWebhook,
  Held,
  JobDocument,
  JobFilter,
  JobQueue,
  LeaseWanted,
  SubmittedJob,
  Sweep,
} from '../../core/jobs/job-queue.js';
import type { Clock } from '../../core/ports.js';
import type { QueueAnswer, QueueCall, QueueCalls, QueueFailure, QueueReply, QueueWorkerData } from './queue-messages.js';

/** The compiled one, from sources too: a thread reads no TypeScript. */
const ENTRY = new URL('../../../dist/adapters/jobs/queue-worker.js', import.meta.url);

export interface SqlJobQueueOptions extends QueueWorkerData {
  readonly clock: Clock;
  /** Of workers in this process: what they had when it last ended is queued again. */
  readonly ownWorker: string;
  readonly leaseMs: number;
  /** Told where a damaged database was put. */
  readonly onPutAside: (path: string) => void;
}

interface Waiting {
  readonly call: QueueCall;
  resolve(value: unknown): void;
  reject(error: Error): void;
}

type Args<K extends keyof QueueCalls> = Parameters<QueueCalls[K]> extends [number, ...infer Rest] ? Rest : never;

export class SqlJobQueue implements JobQueue {
  readonly #worker: Worker;
  readonly #clock: Clock;
  readonly #listeners = new Set<(event: JobEvent) => void>();
  /** Those that come while others are with the thread go together: one wait for the disk serves all. */
  #next: Waiting[] = [];
  #sent: Waiting[] | null = null;
  #end: Error | null = null;
  #closed: (() => void) | null = null;

  private constructor(worker: Worker, clock: Clock) {
    this.#worker = worker;
    this.#clock = clock;
    worker.on('message', (reply: QueueReply) => this.#take(reply));
    worker.on('error', (error) => this.#abort(gone(`its thread failed: ${error instanceof Error ? error.message : String(error)}`)));
    worker.on('exit', () => this.#abort(gone('it is closed')));
  }

  /** Throws JobsUnavailable, DiskFull. One that is damaged is put aside, and a new one begun. */
  static async open(options: SqlJobQueueOptions): Promise<SqlJobQueue> {
    const { file, limits, clock, ownWorker, leaseMs, onPutAside } = options;
    const workerData: QueueWorkerData = { file, limits };
    const worker = new Worker(ENTRY, { workerData, env: {}, execArgv: [] });
    const { failure, isDamaged } = await new Promise<Extract<QueueReply, { kind: 'open' }>>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (error: Error) => reject(gone(error.message)));
    });
    if (failure !== null) {
      await worker.terminate(); // its connection goes with it, and has nothing to do any more with a file that comes after
      if (!isDamaged || file === null) throw thrown(failure);
      onPutAside(putAside(file, clock.now()));
      return SqlJobQueue.open(options);
    }
    worker.unref(); // an idle queue keeps no process alive
    const queue = new SqlJobQueue(worker, clock);
    await queue.#call('recover', ownWorker, leaseMs);
    return queue;
  }

  submit(requests: readonly JobRequest[], batch?: JobDocument): Promise<readonly SubmittedJob[]> {
    return this.#call('submit', requests, batch);
  }

  lease(wanted: LeaseWanted): Promise<readonly LeasedJob[]> {
    return this.#call('lease', wanted);
  }

  renew(held: Held, leaseMs: number): Promise<Job> {
    return this.#call('renew', held, leaseMs);
  }

  complete(held: Held, result: JobResult, engineMs: number | null): Promise<Job> {
    return this.#call('complete', held, result, engineMs);
  }

  fail(held: Held, failure: AttemptFailure): Promise<Job> {
    return this.#call('fail', held, failure);
  }

  release(held: Held, delayMs: number): Promise<Job> {
    return this.#call('release', held, delayMs);
  }

  cancel(scope: string | null, id: string): Promise<Job> {
    return this.#call('cancel', scope, id);
  }

  cancelBatch(scope: string | null, batch: string): Promise<number> {
    return this.#call('cancelBatch', scope, batch);
  }

  retry(scope: string | null, id: string): Promise<Job> {
    return this.#call('retry', scope, id);
  }

  get(scope: string | null, id: string): Promise<JobDetail> {
    return this.#call('get', scope, id);
  }

  list(filter: JobFilter): Promise<readonly Job[]> {
    return this.#call('list', filter);
  }

  results(scope: string | null, batch: string, after: number, limit: number): Promise<readonly JobDetail[]> {
    return this.#call('results', scope, batch, after, limit);
  }

  tally(scope: string | null, batch: string | null): Promise<JobTally> {
    return this.#call('tally', scope, batch);
  }

  endOf(batch: string): Promise<number | null> {
    return this.#call('endOf', batch);
  }

  putDocument(document: JobDocument): Promise<void> {
    return this.#call('putDocument', document);
  }

  document(scope: string | null, kind: string, id: string): Promise<JobDocument | null> {
    return this.#call('document', scope, kind, id);
  }

  documents(scope: string | null, kind: string, page: DocumentPage): Promise<readonly JobDocument[]> {
    return this.#call('documents', scope, kind, page);
  }

  removeDocument(id: string): Promise<void> {
    return this.#call('removeDocument', id);
  }

  sweep(): Promise<Sweep> {
    return this.#call('sweep');
  }

  webhooksDue(limit: number): Promise<readonly DueWebhook[]> {
    return this.#call('webhooksDue', limit);
  }

  webhookTried(id: string, again: number | null): Promise<void> {
    return this.#call('webhookTried', id, again);
  }

  read(topic: JobTopic, after: number, limit: number): Promise<readonly JobEvent[]> {
    return this.#call('read', topic, after, limit);
  }

  history(scope: string | null, id: string, after: number): Promise<readonly JobEvent[]> {
    return this.#call('history', scope, id, after);
  }

  watch(listener: (event: JobEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async close(): Promise<void> {
    await this.#call('webhooksDue', 0).catch(() => undefined); // behind all that was asked
    if (this.#end === null) {
      const closed = new Promise<void>((resolve) => (this.#closed = resolve));
      this.#worker.ref();
      this.#worker.postMessage(null);
      await closed;
    }
    await this.#worker.terminate();
  }

  #call<K extends keyof QueueCalls>(name: K, ...args: Args<K>): Promise<ReturnType<QueueCalls[K]>> {
    return new Promise((resolve, reject) => {
      if (this.#end !== null) return reject(this.#end);
      const call: QueueCall = { name, args: [this.#clock.now(), ...(args as readonly unknown[])] };
      this.#next.push({ call, resolve: (value) => resolve(value as ReturnType<QueueCalls[K]>), reject });
      this.#send();
    });
  }

  #send(): void {
    if (this.#sent !== null || this.#next.length === 0) return;
    this.#sent = this.#next;
    this.#next = [];
    this.#worker.ref();
    this.#worker.postMessage(this.#sent.map(({ call }) => call));
  }

  #take(reply: QueueReply): void {
    if (reply.kind === 'closed') this.#closed?.();
    if (reply.kind !== 'done') return;
    const sent = this.#sent ?? [];
    this.#sent = null;
    this.#worker.unref();
    for (const [i, answer] of reply.answers.entries()) settle(sent[i]!, answer);
    for (const event of reply.events) for (const listener of this.#listeners) listener(event);
    this.#send();
  }

  #abort(error: Error): void {
    this.#end ??= error;
    for (const waiting of [...(this.#sent ?? []), ...this.#next]) waiting.reject(this.#end);
    this.#sent = null;
    this.#next = [];
    this.#closed?.();
  }
}

/** @returns where it is now */
function putAside(file: string, now: number): string {
  const aside = `${file}.damaged-${now}`;
  for (const suffix of ['', '-wal', '-shm']) if (existsSync(file + suffix)) renameSync(file + suffix, aside + suffix);
  return aside;
}

function settle(waiting: Waiting, answer: QueueAnswer): void {
  if ('failure' in answer) waiting.reject(thrown(answer.failure));
  else waiting.resolve(answer.value);
}

function thrown({ code, message, details }: QueueFailure): SemanticError {
  return new SemanticError(code, message, details);
}

function gone(why: string): SemanticError {
  return new SemanticError('JobsUnavailable', `[jobs] the queue cannot be used: ${why}`);
}
