import { Args } from '@oclif/core';
import type { JobBody } from '../../client/jobs/job-bodies.js';
import { JobsCommand } from './jobs-command.js';

export default class JobsCancel extends JobsCommand {
  static override summary = 'End a job that waits or runs; its worker is told.';
  static override examples = ['<%= config.bin %> jobs cancel job_0123'];
  static override args = { id: Args.string({ required: true, description: 'Id of the job' }) };

  override async run(): Promise<JobBody> {
    const { args, flags } = await this.parse(JobsCancel);
    const job = await this.askJobs(flags, (jobs) => jobs.cancel(args.id));
    this.log(`${job.id} is cancelled`);
    return job;
  }
}
