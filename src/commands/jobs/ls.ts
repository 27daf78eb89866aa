import { Flags } from '@oclif/core';
import type { JobBody, JobListBody } from '../../client/jobs/job-bodies.js';
import { JOB_STATES } from '../../core/domain/job.js';
import { formatAgo } from '../format/ago.js';
import { formatCount } from '../format/count.js';
import { formatTable } from '../format/table.js';
import { JobsCommand } from './jobs-command.js';

const HEAD = ['JOB', 'ENDPOINT', 'STATE', 'ATTEMPTS', 'PRIORITY', 'MADE', 'WORKER'];

export default class JobsLs extends JobsCommand {
  static override summary = 'List jobs, the newest first.';
  static override examples = [
    '<%= config.bin %> jobs ls',
    '<%= config.bin %> jobs ls --state dead',
    "<%= config.bin %> jobs ls --json | jq '.tally'",
  ];
  static override flags = {
    state: Flags.option({ options: JOB_STATES, description: 'Those in this state' })(),
    batch: Flags.string({ description: 'Those of this batch', helpValue: 'id' }),
    limit: Flags.integer({ char: 'n', description: 'At most so many', helpValue: 'n', default: 100, min: 1, max: 1_000 }),
  };

  override async run(): Promise<JobListBody> {
    const { flags } = await this.parse(JobsLs);
    const { state, batch, limit } = flags;
    const listed = await this.askJobs(flags, (jobs) => jobs.list({ state, batch, limit }));
    const now = Date.now() / 1000;
    if (listed.data.length === 0) this.note('There are no jobs. POST /v1/jobs, or semantic jobs submit, makes one.');
    else
      for (const line of formatTable(
        HEAD,
        listed.data.map((job) => row(job, now)),
      ))
        this.log(line);
    const counts = Object.entries(listed.tally).filter(([, count]) => count > 0);
    if (counts.length > 0) this.note(counts.map(([name, count]) => `${count} ${name}`).join(', '));
    if (listed.has_more) this.note(`There are more than ${formatCount(limit, 'job')}.`);
    return listed;
  }
}

function row(
  { id, endpoint, state, attempts, max_attempts: most, priority, created_at: made, worker }: JobBody,
  now: number,
): (string | number)[] {
  return [id, endpoint, state, `${attempts}/${most}`, priority, formatAgo(made, now), worker ?? '-'];
}
