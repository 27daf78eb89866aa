import type { JobDetail } from '../../core/domain/job.js';
import type { JobQueue } from '../../core/jobs/job-queue.js';

/** In memory at once. */
const PAGE = 100;

/** Jobs of a batch with their results, in the order they were submitted. */
export async function* jobsOf(queue: JobQueue, scope: string, batch: string): AsyncGenerator<JobDetail, void, undefined> {
  for (let after = 0; ; after += PAGE) {
    const jobs = await queue.results(scope, batch, after, PAGE);
    yield* jobs;
    if (jobs.length < PAGE) return;
  }
}
