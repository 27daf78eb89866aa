/** The ways a request leaves the batch. Every one of them gives back its sequence and its blocks, or hands them on. */
import { digestOf } from '../domain/prompt-digest.js';
import type { GenerationRequest } from '../domain/request.js';
import type { EngineParts } from './engine-parts.js';
import type { Generation } from './generation.js';
import type { RunningJob } from './scheduler.js';
import { sha256 } from './sha256.js';

export class Departures {
  constructor(private readonly parts: EngineParts) {}

  /** Finished or cancelled: the sequence is kept for the next turn, and what is new of it goes to disk; or it is dropped. */
  async release(generation: Generation): Promise<void> {
    const { histories, model } = this.parts;
    const { request, text } = generation;
    const job = this.#forget(generation);
    if (job === null || job.sequence === null) return;
    // The token sampled last has no KV, unless a step ahead put it there; the next prompt has it.
    const tokens = generation.tokens(job.numKvTokens + 1);
    const digest = digestOf({ ...request, messages: [...request.messages, { role: 'assistant', content: text }] }, sha256);
    histories.set(request, { tokens, digest, fingerprint: model.fingerprint, lost: isKept(request) ? null : 'not_kept' });
    await this.#keepOrDrop(generation, job, job.sequence);
  }

  /** Its KV may hold part of a step: nothing of it is used again. The reader is told in any case. */
  async fail(generation: Generation, error: unknown): Promise<void> {
    this.parts.live.requests.failed += 1;
    generation.stages.fail(error);
    generation.events.close(error);
    await this.drop(generation);
  }

  /** Nothing is kept of it. */
  async drop(generation: Generation): Promise<void> {
    const { kv, model } = this.parts;
    const job = this.#forget(generation);
    if (job === null) return;
    kv.pool.free(job.lease);
    if (job.sequence !== null) await model.runner.dropSequence(job.sequence);
  }

  /** It makes way for others and waits to go on; its KV stays as that of a finished request does, or is prefilled again. */
  async preempt(generation: Generation): Promise<void> {
    const { kv, live, scheduler } = this.parts;
    const { id, prompt, numOutputs } = generation;
    const job = scheduler.preempt(id, generation.tokens(prompt.length + numOutputs));
    live.requests.preempted += 1;
    generation.stages.count({ preemptions: 1 });
    if (job.sequence === null) throw new Error(`[engine] job ${id} has no sequence to be preempted`);
    kv.retained.endLending(job.sequence);
    await this.#keepOrDrop(generation, job, job.sequence);
  }

  async #keepOrDrop(generation: Generation, { numKvTokens, lease }: RunningJob, sequence: number): Promise<void> {
    const { kept, kv, model } = this.parts;
    const { request } = generation;
    if (!isKept(request) || numKvTokens === 0) {
      kv.pool.free(lease);
      return model.runner.dropSequence(sequence);
    }
    const { persist, pinned, relation, scope, sessionId, tools, trace } = request;
    const [tokens, awaitsTool, passing] = [generation.tokens(numKvTokens), tools.length > 0, relation === 'beside'];
    await kept.keep({ scope, sessionId, sequence, tokens, awaitsTool, pinned, passing, lease }, persist === 'disk', trace);
  }

  #forget(generation: Generation): RunningJob | null {
    const { kv, live, scheduler } = this.parts;
    live.delete(generation.id);
    const job = scheduler.remove(generation.id);
    if (typeof job?.sequence === 'number') kv.retained.endLending(job.sequence);
    return job;
  }
}

export function isKept({ cachePrompt, persist }: GenerationRequest): boolean {
  return cachePrompt && persist !== 'none';
}
