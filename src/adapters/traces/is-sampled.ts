/** Digits of a trace's id that are looked at: as many as a number has room for. */
const DIGITS = 13;

/** The same for one trace wherever it is asked, as OpenTelemetry has it. `ratio`: of all traces, 0..1. */
export function isSampled(traceId: string, ratio: number): boolean {
  return Number.parseInt(traceId.slice(-DIGITS), 16) / 16 ** DIGITS >= 1 - ratio;
}
