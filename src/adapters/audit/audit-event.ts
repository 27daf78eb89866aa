/** What somebody did, as the audit log keeps it. */

export interface AuditEvent {
  /** `key:NAME`, `socket:UID`, `command:UID`, `loopback`, `remote:ADDRESS`, `signal`, `daemon`; never a secret. */
  readonly actor: string;
  /** Such as `model.swap`. */
  readonly action: string;
  /** What it was done to. */
  readonly target: string | null;
  /** `ok`, `accepted` where the end comes later, or the code of the error. */
  readonly outcome: string;
  /** `x-request-id` of its answer. */
  readonly request: string | null;
  readonly detail?: Readonly<Record<string, string | number>>;
}

/** With the time it happened at: milliseconds since 1970. */
export interface TimedEvent extends AuditEvent {
  readonly at: number;
}

/** Of what the log says about itself. */
export function ofTheLog(action: string, detail: NonNullable<AuditEvent['detail']>, target: string | null = null): TimedEvent {
  return { actor: 'audit', action, target, outcome: 'ok', request: null, detail, at: Date.now() };
}
