/** What goes between the store and the thread of its index. */

export interface IndexWorkerData {
  readonly libsql: string; // path of the package
  readonly indexFile: string;
  readonly lockFile: string;
}

/** Rows in one buffer, so that ten thousand of them cross in one message. */
export interface PackedRows {
  readonly ids: Float64Array;
  readonly lengths: Uint32Array;
  readonly bytes: Uint8Array;
}

export type IndexRequest =
  /** Locks, opens, checks and reads. */
  | { readonly kind: 'open' }
  /** One durable transaction. */
  | { readonly kind: 'write'; readonly puts: PackedRows; readonly deletes: readonly number[] }
  /** Locks, and makes a new index of just these rows; the one before is copied to this name. */
  | { readonly kind: 'replace'; readonly rows: PackedRows; readonly aside: string }
  /** Leaves no byte of deleted rows in any file. */
  | { readonly kind: 'scrub' }
  | { readonly kind: 'close' };

export type IndexFailure = {
  readonly code: string;
  readonly message: string;
};

export type IndexAnswer =
  /** `isDamaged`: the rows are what could be read of it. */
  | { readonly kind: 'opened'; readonly rows: PackedRows; readonly isDamaged: boolean; readonly reason: string }
  | { readonly kind: 'locked' }
  | { readonly kind: 'done' }
  | ({ readonly kind: 'failed' } & IndexFailure);

export interface IndexReply {
  readonly id: number;
  readonly answer: IndexAnswer;
}
