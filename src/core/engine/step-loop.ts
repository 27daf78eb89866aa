/**
 * Turns the engine over while there is work: who was cancelled goes, who may start starts, who grows gets room; then plan -> step ->
 * commit. The scheduler decides, the runner computes; neither knows the other.
 *
 * While answers only grow, the next step is asked for before the outcome of the one under way is known, so that the runner does not wait
 * while text is made of it. Nobody leaves between the two: an answer that ends meanwhile leaves after the step ahead, which has then put
 * its last token into the KV. Whatever comes up (a request, a cancellation) withdraws a step ahead that has not begun.
 */
import type { FinishReason } from '../domain/request.js';
import type { RunnerOutput, RunnerPlan, Sample } from '../ports.js';
import type { Departures } from './departures.js';
import type { EngineParts } from './engine-parts.js';
import type { Generation } from './generation.js';
import { Growth } from './growth.js';
import type { JobStarter } from './job-starter.js';
import { markRestorePoints } from './restore-points.js';
import type { SchedulerPlan } from './scheduler.js';

/** A step the runner was asked for. */
interface StepUnderWay {
  readonly plan: SchedulerPlan;
  /** Null where it was withdrawn. */
  readonly output: Promise<RunnerOutput | null>;
}

type Ending = { readonly reason: FinishReason } | { readonly error: unknown };

export class StepLoop {
  readonly #growth: Growth;
  #running: Promise<void> | null = null;
  /** Ends the wait for more requests. */
  #gathered: (() => void) | null = null;
  #ahead: StepUnderWay | null = null;
  /** Something came up: no step is asked for ahead before the loop has seen to it. */
  #mustLook = false;
  /** Answers that leave when the step ahead is over. */
  readonly #ended = new Map<number, Ending>();
  /** When the outcome of the last step came, or the loop began to turn. */
  #cameAt = 0;

  constructor(
    private readonly parts: EngineParts,
    private readonly departures: Departures,
    private readonly starter: JobStarter,
    private readonly whenIdle: () => void,
  ) {
    this.#growth = new Growth(parts, departures);
  }

  wake(): void {
    this.#mustLook = true;
    if (this.#ahead !== null) this.parts.model.runner.withdrawAhead();
    if (this.#hasGathered()) this.#gathered?.();
    this.#running ??= this.#run()
      .catch((error: unknown) => this.#crashed(error))
      .finally(() => {
        this.#running = null;
        if (this.#hasWork()) this.wake();
      });
  }

  /** Resolves when the loop stands still; at once where it does. */
  async settled(): Promise<void> {
    await this.#running;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  async #run(): Promise<void> {
    await this.#gather();
    this.#cameAt = this.parts.timer.now();
    for (;;) {
      const step = this.#ahead ?? (await this.#begin());
      if (step === null) return this.whenIdle();
      this.#ahead = this.#follow(step);
      await this.#finish(step);
    }
  }

  /** Null where there is nothing to run. */
  async #begin(): Promise<StepUnderWay | null> {
    const { model } = this.parts;
    this.#mustLook = false;
    await this.#sweep();
    await this.starter.startAll();
    await this.#growth.makeRoom();
    const plan = this.#plan();
    return plan === null ? null : { plan, output: model.runner.step(this.#masked(plan)) };
  }

  /** Null where what is next depends on what comes out of `step`. */
  #follow({ plan: { entries } }: StepUnderWay): StepUnderWay | null {
    const { live, model, scheduler } = this.parts;
    const goesOn = !this.#mustLook && entries.every(({ id }) => live.has(id) && !this.#ended.has(id) && live.get(id).mayRunAhead);
    const plan = goesOn ? scheduler.follow({ entries }) : null;
    if (plan === null) return null;
    const output = model.runner.stepAhead(plan);
    output.catch(() => undefined); // looked at when the step before it is over
    return { plan, output };
  }

  /** Requests that arrive together are planned together: an idle engine waits a moment for more. */
  async #gather(): Promise<void> {
    const { scheduler, timer } = this.parts;
    const { running, waiting } = scheduler.counts();
    await new Promise((resolve) => setImmediate(resolve));
    if (running > 0 || waiting === 0 || scheduler.limits.batchWindowMs === 0 || this.#hasGathered()) return;
    await new Promise<void>((resolve) => {
      const stop = timer.after(scheduler.limits.batchWindowMs, resolve);
      this.#gathered = () => {
        stop();
        resolve();
      };
    });
    this.#gathered = null;
  }

  /** There is a request for every slot, or one that left while the loop waits for more. */
  #hasGathered(): boolean {
    const { live, scheduler } = this.parts;
    return scheduler.counts().waiting >= scheduler.limits.maxBatchSequences || live.all().some(({ cancelled }) => cancelled);
  }

  /** A failing step is handled where it happens; this is a failure of the loop itself: nobody may wait for ever, and nothing may stay. */
  async #crashed(error: unknown): Promise<void> {
    await this.#endAhead();
    this.#ended.clear();
    for (const generation of this.parts.live.all()) await this.departures.fail(generation, error).catch(() => undefined);
  }

  /** Something changed between the loop's last look and its end. */
  #hasWork(): boolean {
    const { live, parking, scheduler } = this.parts;
    const someCancelled = live.all().some((generation) => this.#mayGo(generation));
    const mayGrow = parking.pending === 0 && scheduler.wantingRoom().length > 0;
    return someCancelled || mayGrow || this.starter.next() !== null || this.#plan() !== null;
  }

  /** Not while its sequence is being made. */
  #mayGo({ id, cancelled }: Generation): boolean {
    return cancelled && !this.parts.scheduler.isStarting(id);
  }

  async #sweep(): Promise<void> {
    const { live } = this.parts;
    for (const generation of live.all()) {
      if (!this.#mayGo(generation)) continue;
      live.requests.cancelled += 1;
      await this.departures.release(generation);
    }
    this.starter.forget();
  }

  #plan(): SchedulerPlan | null {
    const { live, scheduler } = this.parts;
    return scheduler.next((id) => live.get(id).events.full);
  }

  async #finish({ plan, output }: StepUnderWay): Promise<void> {
    const { live, meter, observer, scheduler, timer } = this.parts;
    let out: RunnerOutput | null;
    try {
      out = await output;
    } catch (error) {
      return this.#failed(plan, error);
    }
    if (out !== null) {
      // As its readers see it: with what it takes to get there and back, and what is done between two steps.
      const now = timer.now();
      const ms = now - this.#cameAt;
      this.#cameAt = now;
      live.steps += 1;
      live.stepMillis += out.stepMicros / 1000;
      const tokens = out.samples.map((sample) => sample?.token ?? null);
      scheduler.commit(plan, tokens, ms);
      const [decoded, prefilled] = [tokens.filter((token) => token !== null).length, prefilledBy(plan)];
      meter.step(ms, decoded, prefilled);
      observer.step(plan.entries.length, decoded, prefilled);
      await markRestorePoints(plan, this.parts);
    }
    await this.#deliver(plan, out);
  }

  /** The sequences in it are gone, so what follows fails too; what was complete before is an answer nevertheless. */
  async #failed({ entries }: SchedulerPlan, error: unknown): Promise<void> {
    const { live } = this.parts;
    await this.#endAhead();
    for (const { id } of entries) {
      await this.#leave(live.get(id), this.#ended.get(id) ?? { error }, (generation) => this.departures.drop(generation));
    }
  }

  async #endAhead(): Promise<void> {
    await this.#ahead?.output.catch(() => undefined);
    this.#ahead = null;
  }

  /** With what each sample is one of, and whose states are wanted. */
  #masked({ entries }: SchedulerPlan): RunnerPlan {
    const masked = entries.map((entry) => {
      const { mask, request } = this.parts.live.get(entry.id);
      const isMasked = entry.sample && mask !== null;
      const hidden = !entry.decodes && request.embeds !== undefined;
      return isMasked || hidden ? { ...entry, ...(isMasked ? { mask } : {}), hidden } : entry;
    });
    return { entries: masked };
  }

  async #deliver({ entries }: SchedulerPlan, output: RunnerOutput | null): Promise<void> {
    const { live, meter, scheduler, timer } = this.parts;
    for (const [i, { id, tokens }] of entries.entries()) {
      const sample = output?.samples[i] ?? null;
      const generation = live.get(id);
      const rows = output?.hidden?.[i] ?? null;
      if (rows !== null) generation.addStates(scheduler.running(id).numKvTokens - tokens.length, rows, rows.length / tokens.length);
      let ending = this.#ended.get(id) ?? null;
      if (ending === null) {
        if (sample === null || generation.cancelled) continue;
        live.tokens.generated += 1;
        generation.pace.token(timer.now(), meter);
        ending = accept(generation, sample);
      }
      if (ending === null) continue;
      if (this.#ahead === null) await this.#leave(generation, ending, () => this.departures.release(generation));
      else this.#ended.set(id, ending);
    }
  }

  async #leave(generation: Generation, ending: Ending, release: (generation: Generation) => Promise<void>): Promise<void> {
    const { live, meter } = this.parts;
    this.#ended.delete(generation.id);
    if ('error' in ending) return this.departures.fail(generation, ending.error);
    live.requests.finished += 1;
    meter.finished(generation.numOutputs);
    generation.stages.count({ completionTokens: generation.numOutputs });
    generation.stages.finish(ending.reason);
    await release(generation).finally(() => generation.finish(ending.reason));
  }
}

/** Null = the answer goes on. */
function accept(generation: Generation, sample: Sample): Ending | null {
  try {
    const reason = generation.accept(sample);
    return reason === null ? null : { reason };
  } catch (error) {
    return { error };
  }
}

function prefilledBy({ entries }: SchedulerPlan): number {
  return entries.reduce((sum, { tokens, decodes }) => sum + (decodes ? 0 : tokens.length), 0);
}
