import type { StreamLimits } from '../event-stream.js';
import type { JobDesk } from './job-desk.js';

export interface JobRouteOptions {
  readonly jobs: {
    readonly desk: JobDesk;
    readonly maxAttempts: number;
    readonly webhookHosts: readonly string[];
    readonly leaseMs: number;
  };
  readonly stream: StreamLimits;
}

export interface OfJob {
  readonly Params: { readonly id: string };
}
