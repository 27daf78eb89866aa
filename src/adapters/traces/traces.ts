/** Requests as spans: what the daemon asks of whoever writes them down. */
import type { TraceParent } from '../../core/domain/trace-parent.js';
import type { EngineObserver } from '../../core/ports.js';
import type { SwapReport } from '../../core/residency/swap-report.js';

/** As a request comes in, and as its answer says it goes on: W3C trace context. */
export interface CameWith {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly flags: string;
}

/** How a request ended. */
export interface RequestEnd {
  readonly method: string;
  /** Pattern, such as `/v1/agents/:id`; null where there is none for the path. */
  readonly route: string | null;
  readonly status: number;
  /** Of the error, where there was one. */
  readonly code: string | null;
  readonly requestId: string;
}

export interface RequestSpan {
  readonly flags: string;
  /** For what is done for it; undefined where nobody writes it down. */
  readonly trace: TraceParent | undefined;
  end(how: RequestEnd): void;
}

export interface Traces {
  /** `isPolled`: nobody wants to see it, but for a caller who says so. */
  begin(came: CameWith, isPolled: boolean): RequestSpan;
  /** Tells `observer` what it is told of the engine of a model, and writes down stages. */
  observe(observer: EngineObserver, model: string): EngineObserver;
  exchanged(report: SwapReport, trace: TraceParent | undefined): void;
  /** Sends what is left, until `deadline` aborts. */
  close(deadline: AbortSignal): Promise<void>;
}

export const NO_TRACES: Traces = {
  begin: ({ flags }) => ({ flags, trace: undefined, end: () => undefined }),
  observe: (observer) => observer,
  exchanged: () => undefined,
  close: () => Promise.resolve(),
};
