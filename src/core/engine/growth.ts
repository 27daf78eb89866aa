/** Blocks for answers that grow: kept KV makes way, then the youngest running sequences, batch ones first. */
import { SemanticError } from '../domain/errors.js';
import type { Departures } from './departures.js';
import type { EngineParts } from './engine-parts.js';
import type { RunningJob } from './scheduler.js';

export class Growth {
  constructor(
    private readonly parts: EngineParts,
    private readonly departures: Departures,
  ) {}

  /** Afterwards every job that can decode has room for its next token; those that have none wait for KV that is being written to disk. */
  async makeRoom(): Promise<void> {
    const { scheduler } = this.parts;
    for (const { id } of scheduler.wantingRoom()) {
      if (scheduler.stateOf(id) === 'decode') await this.#grow(scheduler.running(id));
    }
  }

  async #grow(job: RunningJob): Promise<void> {
    const { kv, live, model, parking, scheduler } = this.parts;
    const wanted = scheduler.nextTokens(job);
    for (;;) {
      for (const tokens of [wanted, job.numKvTokens + 1]) {
        const evicted = kv.grow(job.lease, tokens);
        if (evicted === null) continue;
        scheduler.grow(job.id, tokens);
        for (const { sequence } of evicted) await model.runner.dropSequence(sequence);
        return;
      }
      if (parking.pending > 0) return; // blocks are held until they are written; the loop is woken then
      const victim = scheduler.victim();
      const isAlone = scheduler.counts().running === 1;
      if (victim === null || isAlone) return this.departures.fail(live.get(job.id), this.#exhausted(job));
      await this.departures.preempt(live.get(victim.id));
      if (victim.id === job.id) return;
    }
  }

  #exhausted({ numKvTokens }: RunningJob): SemanticError {
    const { totalBytes, freeBytes } = this.parts.kv.pool.counts();
    const message = `[engine] an answer at ${numKvTokens} tokens wanted another block of KV, ${freeBytes} of ${totalBytes} bytes are free and the rest is pinned`;
    return new SemanticError('PoolExhausted', message, { hint: 'Unpin an agent, or raise engine.memory_budget_bytes.' });
  }
}
