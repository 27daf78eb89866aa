/**
 * The steps of an exchange. Until the old model leaves memory nothing is lost by turning back; from then on it is loaded again when the new one
 * cannot be. Agents are on disk before anything goes, so that whatever ends the process in between costs them nothing.
 */
import { SemanticError } from '../domain/errors.js';
import type { Timer } from '../ports.js';
import { drained } from './drained.js';
import type { Host, ModelLoader, PreparedModel } from './resident-model.js';
import type { SwapJob } from './swap-report.js';

export interface ExchangeSteps {
  /** Null where nothing is in memory. */
  readonly before: Host | null;
  prepare(name: string): Promise<PreparedModel>;
  isThere(name: string): boolean;
  bring(prepared: PreparedModel): Promise<void>;
  /** Gives those that are there what left memory. */
  divideAnew(): Promise<void>;
  forget(name: string): void;
  rename(from: string, to: string): void;
  makeCurrent(name: string): void;
  saveAgents(): Promise<void>;
  readonly memory: ModelLoader['memory'];
  released(): void;
  readonly drainMs: number;
  readonly timer: Timer;
  /** The process is to end. */
  readonly closing: AbortSignal;
  readonly log: (message: string) => void;
}

export async function exchange(job: SwapJob, steps: ExchangeSteps): Promise<void> {
  const { before } = steps;
  if (job.to === job.from) return job.enter('done');
  const next = steps.isThere(job.to) ? null : await steps.prepare(job.to);
  if (before === null || job.from === null) {
    job.enter('loading');
    if (next !== null) await steps.bring(next);
    steps.makeCurrent(job.to);
    return job.enter('done');
  }
  const back = await steps.prepare(job.from); // who could not come back does not go
  if (next !== null && (await next.identity()) === (await back.identity())) {
    steps.rename(job.from, job.to);
    steps.makeCurrent(job.to);
    return job.enter('done');
  }
  try {
    await leave(job, before, steps);
    if (steps.closing.aborted) throw stopping();
    job.enter('loading');
    await (next === null ? steps.divideAnew() : steps.bring(next));
  } catch (error) {
    return steps.isThere(job.from) ? stay(job, before, error) : rollBack(job, back, steps, error);
  }
  job.enter('resuming');
  steps.makeCurrent(job.to);
  job.enter('done');
}

/** The old model admits nothing, its answers end, its agents are on disk, it is gone. */
async function leave(job: SwapJob, before: Host, steps: ExchangeSteps): Promise<void> {
  const { engine, name } = before.model;
  const left = new SemanticError('ModelUnavailable', `[models.swap] ${name} was exchanged for ${job.to} before the answer was complete`, {
    hint: 'Ask again: the new model answers.',
    retryAfterSeconds: 1,
  });
  job.enter('draining');
  before.leaving = true;
  engine.stopAdmitting(left);
  await drained(engine, steps.drainMs, steps.timer, steps.closing);
  const { waiting, running } = engine.status();
  job.cut = waiting + running;
  await engine.end(left);
  job.enter('persisting');
  await engine.kept.storeRest();
  await steps.saveAgents();
  job.enter('unloading');
  const { weightBytes, kvBytes } = steps.memory();
  steps.forget(name);
  await engine.close(left);
  steps.released();
  const after = steps.memory();
  const [owed, returned] = [before.model.weightBytes, weightBytes + kvBytes - after.weightBytes - after.kvBytes];
  if (returned < owed) steps.log(`[models.swap] ${name} left memory and gave back ${returned} bytes, ${owed} were expected at least`);
}

/** It never left memory. */
function stay(job: SwapJob, before: Host, error: unknown): void {
  before.leaving = false;
  before.model.engine.admitAgain();
  job.fail(error, 'rolled_back');
}

async function rollBack(job: SwapJob, back: PreparedModel, steps: ExchangeSteps, error: unknown): Promise<void> {
  if (steps.closing.aborted) return job.fail(error, 'failed'); // the next start loads it
  job.fail(error, 'rolling_back');
  steps.log(`[models.swap] ${job.to} could not be loaded, ${back.name} comes back: ${String(error)}`);
  try {
    await steps.bring(back);
    steps.makeCurrent(back.name);
    job.enter('rolled_back');
  } catch (again) {
    steps.log(`[models.swap] ${back.name} could not be loaded again: ${String(again)}`);
    job.enter('failed');
  }
}

function stopping(): SemanticError {
  return new SemanticError('ShuttingDown', '[models.swap] the daemon is stopping');
}
