import { Args } from '@oclif/core';
import type { JobDetailBody } from '../../client/jobs/job-bodies.js';
import { describeJob, describeResult } from './describe-job.js';
import { JobsCommand } from './jobs-command.js';

export default class JobsShow extends JobsCommand {
  static override summary = 'Show a job, and its result where there is one.';
  static override examples = ['<%= config.bin %> jobs show job_0123', "<%= config.bin %> jobs show job_0123 --json | jq '.result.body'"];
  static override args = { id: Args.string({ required: true, description: 'Id of the job' }) };

  override async run(): Promise<JobDetailBody> {
    const { args, flags } = await this.parse(JobsShow);
    const job = await this.askJobs(flags, (jobs) => jobs.show(args.id));
    for (const line of [...describeJob(job, Date.now() / 1000), ...describeResult(job)]) this.log(line);
    return job;
  }
}
