/** Gives an admitted request its sequence: what memory has of its prompt, what the disk has, or an empty one. */
import type { CacheReport } from '../domain/cache-report.js';
import type { LossCause } from '../domain/explain-miss.js';
import type { GenerationRequest } from '../domain/request.js';
import type { RestorePlan } from '../domain/restore-plan.js';
import type { ModelRunner } from '../ports.js';
import type { Claim } from './kv-memory.js';
import type { KvParking } from './kv-parking.js';
import type { Reuse } from './retained-sequences.js';

export interface Started {
  readonly sequence: number;
  readonly cachedTokens: number;
  readonly source: CacheReport['source'];
  /** Why less was there than seemed to be. */
  readonly lost: LossCause | null;
}

export class SequenceStarter {
  constructor(
    private readonly runner: ModelRunner,
    private readonly parking: KvParking,
  ) {}

  /** What the disk has of the prompt beyond memory; reading it takes a while. */
  planFromDisk(request: GenerationRequest, prompt: Int32Array, reuse: Reuse | null): RestorePlan | null {
    return request.cachePrompt ? this.parking.plan(prompt, request.scope, reuse?.sharedTokens ?? 0) : null;
  }

  /** On failure nothing is left behind but the claim's lease. */
  async start(request: GenerationRequest, prompt: Int32Array, claim: Claim, fromDisk: RestorePlan | null): Promise<Started> {
    const wanted = claim.reuse?.sharedTokens ?? 0;
    const first = fromDisk === null ? wanted : this.parking.base(wanted);
    const held = await this.#fromMemory(request, claim, first);
    const lost: LossCause | null = held.tokens < first ? 'window' : null;
    try {
      const plan = lost === null ? fromDisk : this.planFromDisk(request, prompt, null);
      return await this.#fromDisk(request, prompt, held, plan, lost);
    } catch (error) {
      await this.runner.dropSequence(held.sequence);
      throw error;
    }
  }

  async #fromDisk(
    request: GenerationRequest,
    prompt: Int32Array,
    held: { readonly sequence: number; readonly tokens: number },
    first: RestorePlan | null,
    lost: LossCause | null,
  ): Promise<Started> {
    const { sequence, tokens } = held;
    let why = lost;
    for (let plan = first; plan !== null;) {
      if (await this.parking.restore(sequence, plan)) return { sequence, cachedTokens: plan.tokens, source: 'disk', lost: why };
      why = 'damaged';
      const next = this.parking.plan(prompt, request.scope, tokens);
      plan = next === null || isSame(next, plan) ? null : next; // the same again: the disk does not give it now
    }
    return { sequence, cachedTokens: tokens, source: tokens > 0 ? 'memory' : 'none', lost: why };
  }

  /** The first `length` tokens of the sequence that memory has: itself, cut, or a fork; sequences that made way go. */
  async #fromMemory(
    { sampling }: GenerationRequest,
    { reuse, evicted }: Claim,
    length: number,
  ): Promise<{ readonly sequence: number; readonly tokens: number }> {
    const { runner } = this;
    const source = reuse?.entry.sequence ?? null;
    const taken = reuse?.fork === false ? source : null;
    try {
      // Before anything goes: its source may have to, and a fork holds on to what they share.
      const fork = taken === null && source !== null && length > 0 ? await runner.forkSequence(source, length, sampling) : null;
      for (const { sequence } of evicted) await runner.dropSequence(sequence);
      if (fork !== null) return { sequence: fork.sequence, tokens: fork.length };
      if (taken === null) return { sequence: await runner.createSequence(sampling), tokens: 0 };
      const tokens = await runner.truncateSequence(taken, length);
      await runner.setSampling(taken, sampling);
      return { sequence: taken, tokens };
    } catch (error) {
      if (taken !== null) await runner.dropSequence(taken);
      throw error;
    }
  }
}

function isSame(a: RestorePlan, b: RestorePlan): boolean {
  return (
    a.images.length === b.images.length && a.images.every(({ hash, kind }, i) => hash === b.images[i]!.hash && kind === b.images[i]!.kind)
  );
}
