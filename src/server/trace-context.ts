/** W3C trace context: whose request this is a part of, said in the log and told to whoever asked. */
import { randomBytes } from 'node:crypto';

export interface TraceContext {
  /** 32 hex digits, of everything that one cause set off. */
  readonly traceId: string;
  /** 16 hex digits, of this request here. */
  readonly spanId: string;
  /** Of who sent it; null where this is the first. */
  readonly parentId: string | null;
  readonly flags: string;
}

/** Versions to come may have more behind the flags; ff is no version. */
const HEADER = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:-.*)?$/;

/** Goes on with what came; a header that is malformed is as good as none. */
export function traceOf(header: unknown): TraceContext {
  const spanId = randomBytes(8).toString('hex');
  const found = typeof header === 'string' ? HEADER.exec(header.trim()) : null;
  if (found === null) return { traceId: randomBytes(16).toString('hex'), spanId, parentId: null, flags: '00' };
  return { traceId: found[1]!, spanId, parentId: found[2]!, flags: found[3]! };
}

export function traceparentOf({ traceId, spanId, flags }: TraceContext): string {
  return `00-${traceId}-${spanId}-${flags}`;
}
