/**
 * The one error table: code, HTTP status, exit code, and what the message says. docs/errors.md lists the same rows; a
 * test compares them. Exit codes: 0 done, 2 usage, 3.. domain errors, 130 SIGINT, 143 SIGTERM.
 */
export const ERROR_TABLE = {
  InvalidRequest: { status: 400, exit: 2, meaning: 'The request is malformed or a value is out of range.' },
  PromptTooLong: { status: 400, exit: 3, meaning: 'The prompt does not fit into the context of the model.' },
  BodyTooLarge: { status: 413, exit: 3, meaning: 'The request body is larger than the server accepts.' },
  HeadersTooLarge: { status: 431, exit: 3, meaning: 'The request headers are larger than the server accepts.' },
  ReceiveTimeout: { status: 408, exit: 6, meaning: 'The request did not arrive whole in the time there is for it.' },
  TooManyConnections: { status: 503, exit: 6, meaning: 'As many connections are open as the server takes.' },
  Unauthenticated: { status: 401, exit: 7, meaning: 'An API key is needed, and the request has none that is on file.' },
  OriginRefused: { status: 403, exit: 7, meaning: 'The request names a host, or comes from a web page, that the server does not serve.' },
  RouteNotFound: { status: 404, exit: 3, meaning: 'There is no such path on this server.' },
  UpgradeRefused: { status: 426, exit: 3, meaning: 'This path is served over HTTP only.' },
  ModelNotFound: { status: 404, exit: 4, meaning: 'No model of this name is known or installed.' },
  ModelFileMissing: { status: 500, exit: 4, meaning: 'A file the model needs is not there.' },
  ModelFileCorrupt: { status: 500, exit: 4, meaning: 'A model file is truncated, damaged or inconsistent.' },
  ModelUnsupported: { status: 500, exit: 4, meaning: 'The architecture, tensor type or tokenizer is not supported.' },
  SwapNotFound: { status: 404, exit: 4, meaning: 'There is no exchange of models of this id.' },
  ResponseNotFound: { status: 404, exit: 4, meaning: 'There is no stored response, or item of one, of this id.' },
  PreviousResponseNotFound: { status: 400, exit: 4, meaning: 'The stored response that a request goes on from is not there.' },
  AgentNotFound: { status: 404, exit: 4, meaning: 'There is no agent of this id.' },
  JobNotFound: { status: 404, exit: 4, meaning: 'There is no job, batch or file of this id.' },
  JobConflict: { status: 409, exit: 4, meaning: 'The job is over or under way, or another one has its idempotency key.' },
  LeaseLost: { status: 409, exit: 4, meaning: "The job is not, or not any more, the worker's who says so; what it did does not count." },
  RecordingNotFound: { status: 404, exit: 4, meaning: 'No recording goes on that could be ended.' },
  RecordingConflict: { status: 409, exit: 4, meaning: 'A recording goes on already, or the folder for it has something in it.' },
  KeyNotFound: { status: 404, exit: 4, meaning: 'There is no API key of this name.' },
  KeyConflict: { status: 409, exit: 4, meaning: 'An API key has this name already.' },
  AgentConflict: { status: 409, exit: 4, meaning: 'The agent exists already, or is in the middle of a turn.' },
  QuotaExceeded: { status: 403, exit: 4, meaning: 'The agent would hold more than its quota allows.' },
  TemplateFailed: { status: 400, exit: 4, meaning: 'The chat template refused the messages or ran too long.' },
  HashMismatch: { status: 502, exit: 5, meaning: 'A downloaded file is not the one that was asked for.' },
  DownloadFailed: { status: 502, exit: 5, meaning: 'A download broke off; what arrived is kept and resumed.' },
  CacheCorruption: { status: 500, exit: 5, meaning: 'Stored KV is damaged; it was put aside and is prefilled again.' },
  FileDamaged: { status: 400, exit: 5, meaning: 'A file that was handed in is damaged or cut; nothing of it was stored.' },
  AuditBroken: { status: 500, exit: 5, meaning: 'The audit log is not what was written: a line was changed, moved or removed.' },
  RecordingFailed: { status: 507, exit: 5, meaning: 'A recording could not be written; requests go on without it.' },
  ReplayDiffers: { status: 409, exit: 5, meaning: 'A replay was answered otherwise than what was recorded, or found less in the cache.' },
  CachePersistence: { status: 507, exit: 5, meaning: 'KV could not be written to disk; it stays in memory.' },
  CacheMismatch: { status: 409, exit: 5, meaning: 'The KV is of another model, tokenizer, template or format.' },
  DiskFull: { status: 507, exit: 5, meaning: 'There is not enough free disk space.' },
  OutOfMemory: { status: 503, exit: 6, meaning: 'The memory budget does not allow it; nothing was allocated.' },
  PoolExhausted: { status: 503, exit: 6, meaning: 'There are not enough free KV blocks; none was taken.' },
  DeadlineExceeded: { status: 408, exit: 6, meaning: 'The time is over that the request allowed for its answer.' },
  Overloaded: { status: 429, exit: 6, meaning: 'The queue is full; try again after the time given.' },
  KeyOverLimit: { status: 429, exit: 6, meaning: 'As many requests of this API key wait as may; try again after the time given.' },
  RateLimited: { status: 429, exit: 6, meaning: 'This API key has used what it may in a minute; try again after the time given.' },
  ConfigInvalid: { status: 500, exit: 2, meaning: 'A configuration key or value is not valid.' },
  AddressInUse: { status: 500, exit: 7, meaning: 'The port or the socket is taken.' },
  DaemonUnreachable: { status: 503, exit: 7, meaning: 'No daemon answers on the socket.' },
  DaemonRunning: { status: 409, exit: 7, meaning: 'A daemon already serves this socket.' },
  ShuttingDown: { status: 503, exit: 7, meaning: 'The daemon is stopping and admits nothing new.' },
  PrerequisiteMissing: { status: 500, exit: 8, meaning: 'A tool or library that is needed is not installed.' },
  EngineFailed: { status: 500, exit: 9, meaning: 'The native engine reported an error.' },
  ModelSwap: { status: 503, exit: 9, meaning: 'The model could not be exchanged; the one before stays.' },
  ModelUnavailable: { status: 503, exit: 9, meaning: 'The model is being exchanged or is not in memory; try again after the time given.' },
  JobsUnavailable: { status: 503, exit: 9, meaning: 'The queue of jobs is off, another daemon has it, or its database cannot be used.' },
  ModelConflict: {
    status: 409,
    exit: 9,
    meaning: 'The model is pinned or not in memory, there is no place for it, or another one is being exchanged.',
  },
  BenchmarkNotFound: { status: 404, exit: 4, meaning: 'There is no stored benchmark of this id.' },
  PeerFailed: { status: 502, exit: 7, meaning: 'A server that is measured did not start, did not answer, or broke off.' },
  Regression: { status: 409, exit: 11, meaning: 'A measure is worse than the gate allows.' },
  Cancelled: { status: 499, exit: 130, meaning: 'The caller went away or asked to stop.' },
  Internal: { status: 500, exit: 1, meaning: 'A bug of ours; please report it with the log.' },
} as const satisfies Record<string, { status: number; exit: number; meaning: string }>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorDetails {
  /** What to do next, one sentence. */
  readonly hint?: string;
  /** Request field the error is about, such as `messages[0].content`. */
  readonly param?: string;
  /** Seconds to wait before trying again (429, 503). */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** An error with a row in the table. The message says what was wanted and what was got: `[origin] text`. */
export class SemanticError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly param: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'SemanticError';
    this.code = code;
    this.hint = details.hint;
    this.param = details.param;
    this.retryAfterSeconds = details.retryAfterSeconds;
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  get exitCode(): number {
    return ERROR_TABLE[this.code].exit;
  }
}

/** A bug of ours is what has no row of its own. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof SemanticError ? error.code : 'Internal';
}
