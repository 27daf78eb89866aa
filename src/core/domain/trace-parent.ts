/** What a request that is followed is a part of. The engine hands it on and does not look at it. */
export interface TraceParent {
  /** 32 hex digits. */
  readonly traceId: string;
  /** 16 hex digits: what the stages are children of. */
  readonly spanId: string;
  /** Milliseconds since 1970 at which the engine's timer stood at 0, as this trace has it: clocks may be set meanwhile. */
  readonly epochMs: number;
}
