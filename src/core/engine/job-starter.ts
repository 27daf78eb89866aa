/** Takes waiting jobs into the batch: claims their blocks and gives them a sequence with what there is of their prompt. */
import { SemanticError } from '../domain/errors.js';
import { type PromptDigest, digestOf } from '../domain/prompt-digest.js';
import { type Departures, isKept } from './departures.js';
import type { EngineParts } from './engine-parts.js';
import type { Generation } from './generation.js';
import type { Demand } from './kv-memory.js';
import type { Job } from './scheduler.js';
import { SequenceStarter, type Started } from './sequence-starter.js';
import { sha256 } from './sha256.js';

export class JobStarter {
  readonly #starter: SequenceStarter;
  /** By waiting job: a running sequence that will hold more of its prompt, as of a version of what is there. */
  readonly #coming = new Map<number, { readonly version: number; readonly isThere: () => boolean }>();

  constructor(
    private readonly parts: EngineParts,
    private readonly departures: Departures,
  ) {
    this.#starter = new SequenceStarter(parts.model.runner, parts.parking);
  }

  /** The job that is to be started now; null = none can. */
  next(): Job | null {
    const { kv, scheduler, timer } = this.parts;
    return scheduler.nextToAdmit(
      timer.now(),
      (job) => kv.canClaim(this.#demand(job)),
      (job) => !this.#awaitsPrefix(job),
    );
  }

  async startAll(): Promise<void> {
    const { live, parking, scheduler, timer } = this.parts;
    for (let job = this.next(); job !== null; job = this.next()) {
      const generation = live.get(job.id);
      if (generation.cancelled) return; // the next sweep takes it
      try {
        await this.#start(job, generation);
      } catch (error) {
        await this.departures.fail(generation, error);
      }
    }
    const stuck = scheduler.stuck(timer.now());
    if (stuck !== null && parking.pending === 0 && !live.get(stuck.id).cancelled) await this.#refuse(stuck);
  }

  #demand(job: Job): Demand {
    const { kv, live, scheduler } = this.parts;
    const { cachePrompt, relation = 'continues', scope, sessionId } = live.get(job.id).request;
    const prompt = cachePrompt ? job.prompt : null;
    return { blocks: kv.blocksFor(scheduler.firstTokens(job)), prompt, scope, sessionId, mayCut: relation === 'continues' };
  }

  /** Whether a running sequence reads a start of this prompt that is worth waiting for: it is forked then, and read once. */
  #awaitsPrefix({ id, prompt }: Job): boolean {
    const { kv, live, model, scheduler } = this.parts;
    const { minSharedPrefillTokens } = scheduler.limits;
    const { cachePrompt, scope } = live.get(id).request;
    if (minSharedPrefillTokens === 0 || !cachePrompt || model.cache.isWindowed) return false;
    const { version } = kv.retained;
    let coming = this.#coming.get(id);
    if (coming?.version !== version) {
      const found = kv.retained.coming(prompt, scope);
      const worthIt = found !== null && found.sharedTokens - found.keptTokens >= minSharedPrefillTokens;
      coming = { version, isThere: () => !worthIt || found.entry.numKvTokens() >= found.sharedTokens };
      this.#coming.set(id, coming);
    }
    return !coming.isThere();
  }

  /** Pinned KV does not make way, and nothing else is left that could. */
  async #refuse(job: Job): Promise<void> {
    const { kv, live } = this.parts;
    const { totalBytes, freeBytes } = kv.pool.counts();
    const wanted = kv.pool.bytesOf(this.#demand(job).blocks);
    const message = `[engine] wanted ${wanted} bytes of KV, ${freeBytes} of ${totalBytes} are free and the rest is pinned`;
    await this.departures.fail(
      live.get(job.id),
      new SemanticError('PoolExhausted', message, { hint: 'Unpin an agent, or raise engine.memory_budget_bytes.' }),
    );
  }

  /** Memory is claimed at once; KV that comes from disk is read while others go on. */
  async #start(job: Job, generation: Generation): Promise<void> {
    const { kv, scheduler, timer, wake } = this.parts;
    const { request } = generation;
    const demand = this.#demand(job);
    const claim = kv.claim(demand);
    scheduler.admit(job.id, timer.now(), claim.lease, demand.blocks, scheduler.firstTokens(job));
    this.#coming.delete(job.id);
    const digest = digestOf(request, sha256);
    const fromDisk = this.#starter.planFromDisk(request, job.prompt, claim.reuse);
    if (fromDisk !== null && !generation.hasStarted) generation.stages.enter('restore');
    const sampling = { ...request.sampling, sampled: generation.outputs() };
    const ready = this.#starter
      .start({ ...request, sampling }, job.prompt, claim, fromDisk)
      .then((started) => this.#started(job, generation, started, digest));
    if (fromDisk === null) return ready;
    void ready.catch((error: unknown) => this.departures.fail(generation, error)).finally(wake);
  }

  #started({ prompt }: Job, generation: Generation, { sequence, cachedTokens, source, lost }: Started, digest: PromptDigest): void {
    const { histories, kv, live, meter, scheduler, timer } = this.parts;
    const { id, request } = generation;
    const job = scheduler.start(id, sequence, cachedTokens);
    const { scope, sessionId } = request;
    kv.retained.lend({
      scope,
      sessionId,
      sequence,
      tokens: prompt,
      lease: job.lease,
      numKvTokens: () => Math.min(job.numKvTokens, prompt.length),
    });
    if (generation.hasStarted) return; // it was preempted, and goes on
    generation.pace.start(timer.now(), meter);
    live.tokens.prompt += prompt.length;
    live.tokens.cached += cachedTokens;
    if (source === 'disk') {
      live.tokens.restored += cachedTokens;
      generation.stages.count({ restoredTokens: cachedTokens });
    }
    generation.start(
      histories.report(
        { scope: request.scope, sessionId: request.sessionId ?? request.besideSession ?? null },
        { prompt, digest, cachedTokens, source, kept: isKept(request), lost },
      ),
    );
  }

  /** Nothing is remembered of a job that is gone. */
  forget(): void {
    const { live } = this.parts;
    for (const id of this.#coming.keys()) if (!live.has(id)) this.#coming.delete(id);
  }
}
