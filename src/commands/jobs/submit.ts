import { readFile } from 'node:fs/promises';
import { text as textOf } from 'node:stream/consumers';
import { Args, Flags } from '@oclif/core';
import type { JobBody, JobDetailBody, SubmitBody } from '../../client/jobs/job-bodies.js';
import { SemanticError } from '../../core/domain/errors.js';
import { JOB_ENDPOINTS } from '../../core/domain/job.js';
import { describeJob, describeResult } from './describe-job.js';
import { JobsCommand } from './jobs-command.js';

export default class JobsSubmit extends JobsCommand {
  static override summary = 'Have a request answered later: its body is a file of JSON, or comes through a pipe.';
  static override examples = [
    '<%= config.bin %> jobs submit request.json',
    'echo \'{"model": "gpt-5", "messages": [{"role": "user", "content": "Hi"}]}\' | <%= config.bin %> jobs submit --wait',
    '<%= config.bin %> jobs submit request.json --endpoint /v1/messages --priority 10 --key report-7',
  ];
  static override args = { file: Args.string({ ignoreStdin: true, description: 'The body; - or nothing = what comes through a pipe' }) };
  static override flags = {
    endpoint: Flags.option({ options: JOB_ENDPOINTS, default: '/v1/chat/completions' as const, description: 'What the body is for' })(),
    priority: Flags.integer({ description: 'Higher ones first, -100 to 100 (0)', helpValue: 'n', min: -100, max: 100 }),
    deadline: Flags.integer({ description: 'Seconds from now, after which it is worth nothing', helpValue: 'seconds', min: 1 }),
    'max-attempts': Flags.integer({ description: 'After which it is dead', helpValue: 'n', min: 1, max: 100 }),
    key: Flags.string({ description: 'Idempotency key: the same request under it is the same job', helpValue: 'text' }),
    webhook: Flags.string({ description: 'Address that is told when it is over', helpValue: 'url' }),
    wait: Flags.boolean({ char: 'w', default: false, description: 'Until it is over, and show its result' }),
  };

  override async run(): Promise<JobBody | JobDetailBody> {
    const { args, flags } = await this.parse(JobsSubmit);
    const wanted: SubmitBody = {
      endpoint: flags.endpoint,
      body: await readBody(args.file ?? '-'),
      priority: flags.priority,
      deadline: flags.deadline === undefined ? undefined : Date.now() / 1000 + flags.deadline,
      max_attempts: flags['max-attempts'],
      idempotency_key: flags.key,
      webhook: flags.webhook,
    };
    return this.askJobs(flags, async (jobs) => {
      const job = await jobs.submit(wanted);
      if (!flags.wait) {
        this.log(job.id);
        return job;
      }
      for await (const event of jobs.follow(job.id)) this.note(`${job.id} ${event.type}`);
      const ended = await jobs.show(job.id);
      for (const line of [...describeJob(ended, Date.now() / 1000), ...describeResult(ended)]) this.log(line);
      return ended;
    });
  }
}

/** Throws InvalidRequest. */
async function readBody(file: string): Promise<Record<string, unknown>> {
  if (file === '-' && process.stdin.isTTY)
    throw new SemanticError('InvalidRequest', 'wanted the body of a request: a file, or JSON through a pipe; got neither', {
      hint: 'semantic jobs submit request.json',
    });
  let text: string;
  try {
    text = file === '-' ? await textOf(process.stdin) : await readFile(file, 'utf8');
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `the body cannot be read: ${(cause as Error).message}`, { cause });
  }
  try {
    const body = JSON.parse(text) as unknown;
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `the body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
  throw new SemanticError('InvalidRequest', 'the body is wanted as one JSON object');
}
