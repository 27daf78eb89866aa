/**
 * Divides the prompt tokens of one step among the jobs that prefill. Interactive ones come before batch ones, and of a class the one that
 * needs least: so a short prompt is through in one step however long the others are. A quarter goes to whoever came first,
 * so that the long ones get on too.
 */
import type { Priority } from './priority.js';

export interface PrefillingJob {
  readonly id: number;
  /** Prompt tokens that are not in the KV yet, >= 1. */
  readonly remaining: number;
  readonly priority: Priority;
  readonly arrivedAt: number;
}

const RESERVED = 0.25;

/** Tokens for each job that gets any; together at most `budget`, and all of it while there is a use for it. */
export function sharePrefill(jobs: readonly PrefillingJob[], budget: number): ReadonlyMap<number, number> {
  const shares = new Map<number, number>();
  let left = budget;
  const give = ({ id, remaining }: PrefillingJob, most: number): void => {
    const had = shares.get(id) ?? 0;
    const more = Math.min(remaining - had, most, left);
    if (more <= 0) return;
    shares.set(id, had + more);
    left -= more;
  };
  const oldest = jobs.toSorted((a, b) => a.arrivedAt - b.arrivedAt || a.id - b.id)[0];
  if (oldest !== undefined) give(oldest, Math.max(1, Math.floor(budget * RESERVED)));
  for (const job of jobs.toSorted(before)) give(job, left);
  return shares;
}

function before(a: PrefillingJob, b: PrefillingJob): number {
  return Number(a.priority === 'batch') - Number(b.priority === 'batch') || a.remaining - b.remaining || a.id - b.id;
}
