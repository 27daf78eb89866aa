/**
 * Embedding requests for encoders in memory: slices of bounded size are made of the inputs of all that wait for one model, an input of each request in turn,
 * API key by API key. So a short request passes a long batch, and decoding goes on between slices.
 */
import { SemanticError } from '../domain/errors.js';
import type { EmbeddingCaller, Encoder } from './embedding-model.js';
import type { EmbeddingTurns } from './embedding-turns.js';
import { Rotation } from './rotation.js';

export interface EmbeddingLimits {
  /** Requests that may be there at once; one more is Overloaded. */
  readonly maxRequests: number;
  /** Tokens of a slice; one input that is longer is a slice of its own. */
  readonly sliceTokens: number;
  readonly retryAfterSeconds: number;
  readonly maxRetryAfterSeconds: number;
}

interface Job {
  readonly model: Encoder;
  readonly inputs: readonly Int32Array[];
  readonly vectors: Float32Array[];
  next: number; // the first input that was not taken yet
  missing: number; // vectors
  resolve(vectors: Float32Array[]): void;
  reject(error: unknown): void;
}

interface Part {
  readonly job: Job;
  readonly index: number;
}

export class EmbeddingQueue {
  readonly #waiting = new Rotation<Job>();
  #requests = 0;
  #pending = 0; // tokens that wait
  #microsPerToken = 0; // measured; 0 = not yet
  #running = false;

  constructor(
    private readonly turns: EmbeddingTurns,
    private readonly limits: EmbeddingLimits,
  ) {}

  /** Requests there are. */
  get requests(): number {
    return this.#requests;
  }

  /** Counts a request from before it is read to its answer. Throws Overloaded where there are as many as may be. */
  async withPlace<T>(work: () => Promise<T>): Promise<T> {
    if (this.#requests >= this.limits.maxRequests) throw this.#overloaded();
    this.#requests += 1;
    try {
      return await work();
    } finally {
      this.#requests -= 1;
    }
  }

  /** One vector per input, in order, not normalised. Aborting takes the request out; what it has in the slice under way is thrown away. */
  async embed(model: Encoder, inputs: readonly Int32Array[], { key, signal }: EmbeddingCaller): Promise<Float32Array[]> {
    if (signal.aborted) throw cancelled(signal);
    const tokens = inputs.reduce((sum, { length }) => sum + length, 0);
    return new Promise((resolve, reject) => {
      const job: Job = { model, inputs, vectors: [], next: 0, missing: inputs.length, resolve, reject };
      const abort = (): void => this.#end(job, () => reject(cancelled(signal)));
      signal.addEventListener('abort', abort, { once: true });
      job.resolve = (vectors) => {
        signal.removeEventListener('abort', abort);
        resolve(vectors);
      };
      this.#pending += tokens;
      this.#waiting.add(key, job);
      void this.#run();
    });
  }

  async #run(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      while (this.#waiting.size > 0) {
        await this.turns.next();
        const parts = this.#nextSlice();
        if (parts.length > 0) await this.#encode(parts);
      }
    } finally {
      this.#running = false;
    }
  }

  /** Inputs for one model, of every request that waits for it in turn. */
  #nextSlice(): Part[] {
    const parts: Part[] = [];
    let tokens = 0;
    let model: Encoder | null = null;
    const fits = (job: Job): boolean =>
      (model === null || job.model === model) && (tokens === 0 || tokens + job.inputs[job.next]!.length <= this.limits.sliceTokens);
    for (let job = this.#waiting.take(fits); job !== null; job = this.#waiting.take(fits)) {
      const { length } = job.inputs[job.next]!;
      model = job.model;
      tokens += length;
      this.#pending -= length;
      parts.push({ job, index: job.next });
      job.next += 1;
      if (job.next === job.inputs.length) this.#waiting.remove(job);
    }
    return parts;
  }

  async #encode(parts: readonly Part[]): Promise<void> {
    const [{ job }] = parts as [Part];
    const inputs = parts.map((part) => part.job.inputs[part.index]!);
    try {
      const { vectors, micros } = await job.model.runner.encode(inputs, job.model.pooling);
      this.turns.sliceEnded(micros);
      this.#measure(micros / inputs.reduce((sum, { length }) => sum + length, 0));
      for (const [i, part] of parts.entries()) this.#deliver(part, vectors[i]!);
    } catch (error) {
      for (const failed of new Set(parts.map((part) => part.job))) this.#end(failed, () => failed.reject(error));
    }
  }

  #deliver({ job, index }: Part, vector: Float32Array): void {
    job.vectors[index] = vector;
    job.missing -= 1;
    if (job.missing === 0) job.resolve(job.vectors);
  }

  #end(job: Job, tell: () => void): void {
    for (let i = job.next; i < job.inputs.length; i++) this.#pending -= job.inputs[i]!.length;
    job.next = job.inputs.length;
    this.#waiting.remove(job);
    tell();
  }

  #measure(microsPerToken: number): void {
    this.#microsPerToken = this.#microsPerToken === 0 ? microsPerToken : 0.8 * this.#microsPerToken + 0.2 * microsPerToken;
  }

  #overloaded(): SemanticError {
    const { maxRequests, retryAfterSeconds, maxRetryAfterSeconds } = this.limits;
    const seconds = Math.ceil((this.#pending * this.#microsPerToken) / 1e6);
    return new SemanticError('Overloaded', `[embeddings] ${this.#requests} requests are there already, at most ${maxRequests} are taken`, {
      retryAfterSeconds: Math.min(maxRetryAfterSeconds, Math.max(retryAfterSeconds, seconds)),
      hint: 'Put several inputs into one request.',
    });
  }
}

function cancelled(signal: AbortSignal): unknown {
  return signal.reason instanceof SemanticError ? signal.reason : new SemanticError('Cancelled', '[embeddings] the client went away');
}
