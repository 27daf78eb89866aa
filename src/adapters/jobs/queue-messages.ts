/** What goes between the daemon's thread and that of the queue. */
import type { ErrorCode, ErrorDetails } from '../../core/domain/errors.js';
import type { JobEvent } from '../../core/domain/job-event.js';
import type { Leases } from './leases.js';
import type { QueueLimits } from './queue-tables.js';

export interface QueueWorkerData {
  /** Null = in memory only. */
  readonly file: string | null;
  readonly limits: QueueLimits;
}

/** Their first parameter is the time, milliseconds since 1970. */
export type QueueCalls = Pick<
  Leases,
  | 'submit'
  | 'lease'
  | 'renew'
  | 'complete'
  | 'fail'
  | 'release'
  | 'cancel'
  | 'cancelBatch'
  | 'retry'
  | 'get'
  | 'list'
  | 'results'
  | 'tally'
  | 'endOf'
  | 'putDocument'
  | 'document'
  | 'documents'
  | 'removeDocument'
  | 'sweep'
  | 'webhooksDue'
  | 'webhookTried'
  | 'read'
  | 'history'
  | 'recover'
>;

export interface QueueCall {
  readonly name: keyof QueueCalls;
  readonly args: readonly unknown[];
}

export interface QueueFailure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: Omit<ErrorDetails, 'cause'>;
}

export type QueueAnswer = { readonly value: unknown } | { readonly failure: QueueFailure };

/** `open`: the database was opened, or why not. `done`: the calls of a message, in one transaction. */
export type QueueReply =
  | { readonly kind: 'open'; readonly failure: QueueFailure | null; readonly isDamaged: boolean }
  | { readonly kind: 'done'; readonly answers: readonly QueueAnswer[]; readonly events: readonly JobEvent[] }
  | { readonly kind: 'closed' };
