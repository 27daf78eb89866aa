/** All that runs in the thread of the queue: the calls of one message are one transaction, of which each counts or fails by itself. */
import { parentPort, workerData } from 'node:worker_threads';
import { SemanticError } from '../../core/domain/errors.js';
import { Leases } from './leases.js';
import { isDamage, openDatabase, queueError } from './open-database.js';
import type { QueueAnswer, QueueCall, QueueFailure, QueueReply, QueueWorkerData } from './queue-messages.js';

const { file, limits } = workerData as QueueWorkerData;
const port = parentPort!;
const reply = (message: QueueReply): void => port.postMessage(message);

try {
  const database = openDatabase(file);
  const queue = new Leases(database, limits);
  const run = (calls: readonly QueueCall[]): void => {
    try {
      database.exec('BEGIN IMMEDIATE');
      const answers = calls.map((call) => inSavepoint(call));
      database.exec('COMMIT');
      reply({ kind: 'done', answers, events: queue.published });
    } catch (error) {
      undo('ROLLBACK');
      reply({ kind: 'done', answers: calls.map(() => ({ failure: failureOf(error) })), events: [] });
    }
    queue.published = [];
  };
  const inSavepoint = ({ name, args }: QueueCall): QueueAnswer => {
    const told = queue.published.length;
    database.exec('SAVEPOINT call');
    try {
      const value = (queue[name] as (...given: readonly unknown[]) => unknown)(...args);
      database.exec('RELEASE call');
      return { value };
    } catch (error) {
      if (!(error instanceof SemanticError)) throw error; // the database: nothing of this message counts
      database.exec('ROLLBACK TO call; RELEASE call');
      queue.published.length = told;
      return { failure: failureOf(error) };
    }
  };
  const undo = (sql: string): void => {
    try {
      database.exec(sql);
    } catch {
      // the failure has rolled it back already
    }
  };
  port.on('message', (calls: readonly QueueCall[] | null) => {
    if (calls !== null) return run(calls);
    database.close();
    reply({ kind: 'closed' });
    port.close();
  });
  reply({ kind: 'open', failure: null, isDamaged: false });
} catch (error) {
  reply({ kind: 'open', failure: failureOf(error), isDamaged: isDamage(error) });
}

function failureOf(thrown: unknown): QueueFailure {
  const { code, message, hint, param, retryAfterSeconds } = queueError(thrown);
  return {
    code,
    message,
    details: {
      ...(hint === undefined ? {} : { hint }),
      ...(param === undefined ? {} : { param }),
      ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    },
  };
}
