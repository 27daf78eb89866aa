/** A span that is over, as it goes to a receiver: ids, times, counts and names of ours. */
export type AttributeValue = string | number | boolean | readonly string[];

export type Attributes = Readonly<Record<string, AttributeValue>>;

export interface SpanEvent {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
}

export interface Span {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits. */
  readonly spanId: string;
  /** Null where nothing is above it. */
  readonly parentId: string | null;
  /** What is above it is another process's. */
  readonly isParentRemote: boolean;
  readonly name: string;
  readonly kind: 'internal' | 'server';
  /** Milliseconds since 1970. */
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly events: readonly SpanEvent[];
  /** Code of what went wrong; null where nothing did. */
  readonly error: string | null;
}
