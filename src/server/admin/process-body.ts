/** GET /v1/admin/process: which daemon this is, also while it has no model. */
export interface ProcessBody {
  readonly pid: number;
  readonly version: string;
  readonly state: 'starting' | 'ready' | 'swapping' | 'empty' | 'stopping';
  /** What it does while it is starting. */
  readonly phase: string | null;
  readonly uptimeSeconds: number;
  readonly address: string;
  readonly socket: string;
  /** File its log goes to; null = where it was started. */
  readonly log: string | null;
}
