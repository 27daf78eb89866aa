/** What happens to jobs, in the order it happens: three topics, which another adapter could keep in a broker. */
import type { JobState } from './job.js';

/** What is to be done, what came of it, and what that took. */
export const JOB_TOPICS = ['slm.requests', 'slm.responses', 'slm.metrics'] as const;
export type JobTopic = (typeof JOB_TOPICS)[number];

/** A state that was entered, or `measured`: what an answer took. */
export type JobEventType = JobState | 'measured';

export interface JobEvent {
  /** Grows with time over all topics; has gaps. */
  readonly offset: number;
  readonly topic: JobTopic;
  readonly job: string;
  readonly scope: string;
  readonly type: JobEventType;
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly data: Readonly<Record<string, string | number | null>>;
}

export function topicOf(type: JobEventType): JobTopic {
  if (type === 'queued') return 'slm.requests';
  return type === 'running' || type === 'measured' ? 'slm.metrics' : 'slm.responses';
}
