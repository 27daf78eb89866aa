/**
 * Turns the engine over while there is work: who was cancelled goes, who may start starts, who grows gets room; then plan -> step ->
 * commit. The scheduler decides, the runner computes; neither knows the other.
 */
import type { FinishReason } from '../domain/request.js';
import type { RunnerOutput, RunnerPlan } from '../ports.js';
import type { Departures } from './departures.js';
import type { EngineParts } from './engine-parts.js';
import type { Generation } from './generation.js';
import { Growth } from './growth.js';
import type { JobStarter } from './job-starter.js';
import { markRestorePoints } from './restore-points.js';
import type { SchedulerPlan } from './scheduler.js';

export class StepLoop {
  readonly #growth: Growth;
  #running: Promise<void> | null = null;
  /** Ends the wait for more requests. */
  #gathered: (() => void) | null = null;

  constructor(
    private readonly parts: EngineParts,
    private readonly departures: Departures,
    private readonly starter: JobStarter,
    private readonly whenIdle: () => void,
  ) {
    this.#growth = new Growth(parts, departures);
  }

  wake(): void {
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
    for (;;) {
      await this.#sweep();
      await this.starter.startAll();
      await this.#growth.makeRoom();
      const plan = this.#plan();
      if (plan === null) return this.whenIdle();
      await this.#step(plan);
    }
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

  async #step(plan: SchedulerPlan): Promise<void> {
    const { live, meter, model, scheduler, timer } = this.parts;
    const startedAt = timer.now();
    let output: RunnerOutput;
    try {
      output = await model.runner.step(this.#masked(plan));
    } catch (error) {
      for (const { id } of plan.entries) await this.departures.fail(live.get(id), error);
      return;
    }
    // As its readers see it: with what it takes to get there and back.
    const ms = timer.now() - startedAt;
    live.steps += 1;
    live.stepMillis += output.stepMicros / 1000;
    const tokens = output.samples.map((sample) => sample?.token ?? null);
    scheduler.commit(plan, tokens, ms);
    meter.step(ms, tokens.filter((token) => token !== null).length, prefilledBy(plan));
    await markRestorePoints(plan, this.parts);
    await this.#deliver(plan, output);
  }

  /** With what each sample is one of. */
  #masked({ entries }: SchedulerPlan): RunnerPlan {
    const masked = entries.map((entry) => {
      const mask = entry.sample ? this.parts.live.get(entry.id).mask : null;
      return mask === null ? entry : { ...entry, mask };
    });
    return { entries: masked };
  }

  async #deliver({ entries }: SchedulerPlan, { samples }: RunnerOutput): Promise<void> {
    const { live, meter, timer } = this.parts;
    for (const [i, { id }] of entries.entries()) {
      const sample = samples[i] ?? null;
      const generation = live.get(id);
      if (sample === null || generation.cancelled) continue;
      live.tokens.generated += 1;
      generation.pace.token(timer.now(), meter);
      let reason: FinishReason | null;
      try {
        reason = generation.accept(sample);
      } catch (error) {
        await this.departures.fail(generation, error);
        continue;
      }
      if (reason === null) continue;
      live.requests.finished += 1;
      meter.finished(generation.numOutputs);
      await this.departures.release(generation).finally(() => generation.finish(reason));
    }
  }
}

function prefilledBy({ entries }: SchedulerPlan): number {
  return entries.reduce((sum, { tokens, decodes }) => sum + (decodes ? 0 : tokens.length), 0);
}
