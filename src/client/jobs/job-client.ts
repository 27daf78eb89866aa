/** Jobs, over the daemon's socket. */
import { z } from 'zod';
import type { JobState } from '../../core/domain/job.js';
import { DaemonHttp } from '../daemon-http.js';
import { sseData } from '../sse-lines.js';
import { wireError } from '../wire-error.js';
import {
  type JobBody,
  type JobDetailBody,
  type JobEventBody,
  type JobListBody,
  jobDetailSchema,
  jobEventSchema,
  jobListSchema,
  jobSchema,
  type SubmitBody,
} from './job-bodies.js';

export interface JobListing {
  readonly state?: JobState | undefined;
  readonly batch?: string | undefined;
  readonly limit: number;
}

export class JobClient {
  readonly #http: DaemonHttp;

  constructor(socket: string, connectTimeoutMs: number) {
    this.#http = new DaemonHttp(socket, connectTimeoutMs);
  }

  list({ state, batch, limit }: JobListing): Promise<JobListBody> {
    const query = new URLSearchParams({
      limit: String(limit),
      ...(state === undefined ? {} : { state }),
      ...(batch === undefined ? {} : { batch }),
    });
    return this.#http.json({ method: 'GET', path: `${JOBS}?${query.toString()}` }, jobListSchema);
  }

  show(id: string): Promise<JobDetailBody> {
    return this.#http.json({ method: 'GET', path: at(id) }, jobDetailSchema);
  }

  submit(json: SubmitBody): Promise<JobBody> {
    return this.#http.json({ method: 'POST', path: JOBS, json }, jobSchema);
  }

  cancel(id: string): Promise<JobBody> {
    return this.#http.json({ method: 'POST', path: `${at(id)}/cancel` }, jobSchema);
  }

  retry(id: string): Promise<JobBody> {
    return this.#http.json({ method: 'POST', path: `${at(id)}/retry` }, jobSchema);
  }

  /** What happened to it and happens, until it is over. */
  async *follow(id: string): AsyncGenerator<JobEventBody, void, undefined> {
    const { body } = await this.#http.open({ method: 'GET', path: `${at(id)}/events` });
    try {
      for await (const data of sseData(body)) {
        if (data === '[DONE]') return;
        const sent = JSON.parse(data) as unknown;
        const error = wireError(sent);
        if (error !== null) throw error;
        yield jobEventSchema.parse(sent);
      }
    } catch (error) {
      throw error instanceof z.ZodError ? error : this.#http.broken(error);
    }
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

const JOBS = '/v1/jobs';

function at(id: string): string {
  return `${JOBS}/${encodeURIComponent(id)}`;
}
