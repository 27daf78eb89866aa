import { Args } from '@oclif/core';
import type { JobBody } from '../../client/jobs/job-bodies.js';
import { JobsCommand } from './jobs-command.js';

export default class JobsRetry extends JobsCommand {
  static override summary = 'Have a job that failed, died, expired or was cancelled run again, from its first attempt.';
  static override examples = ['<%= config.bin %> jobs retry job_0123'];
  static override args = { id: Args.string({ required: true, description: 'Id of the job' }) };

  override async run(): Promise<JobBody> {
    const { args, flags } = await this.parse(JobsRetry);
    const job = await this.askJobs(flags, (jobs) => jobs.retry(args.id));
    this.log(`${job.id} is queued again`);
    return job;
  }
}
