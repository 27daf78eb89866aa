import { socketPath } from '../../adapters/paths/paths.js';
import type { JobClient } from '../../client/jobs/job-client.js';
import { DaemonCommand } from '../daemon-command.js';

/** A command about the jobs of a running daemon. */
export abstract class JobsCommand extends DaemonCommand {
  protected async askJobs<T>(flags: { readonly socket: string | undefined }, question: (jobs: JobClient) => Promise<T>): Promise<T> {
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const { JobClient } = await import('../../client/jobs/job-client.js');
    const jobs = new JobClient(socketPath(server.socket), client.connect_timeout_ms);
    try {
      return await question(jobs);
    } finally {
      await jobs.close();
    }
  }
}
