/**
 * The runner: every case against every target, in turn within each round (A B, then B A, and so on), so that a machine whose speed drifts
 * treats all alike. A target that fails is left out from then on, and what it had measured stays; so it does when the signal aborts.
 */
import { SemanticError } from '../../core/domain/errors.js';
import type { Prompts } from '../prompts/prompts.js';
import type { BenchCase, CaseContext, MeasureSpec, Sample, Suite, SuiteOptions } from '../suites/suite.js';
import type { Target } from '../targets/target.js';

/** All samples of one measure of one case on one target; by round, null where a round has none. */
export interface Series {
  readonly suite: string;
  readonly case: string;
  readonly x: BenchCase['x'];
  readonly measure: MeasureSpec;
  readonly target: string;
  readonly samples: readonly (number | null)[];
}

export interface Skipped {
  readonly suite: string;
  readonly target: string;
  readonly reason: string;
}

export interface Failure {
  readonly suite: string;
  readonly target: string;
  readonly error: SemanticError;
}

export interface RunOutcome {
  readonly series: readonly Series[];
  readonly skipped: readonly Skipped[];
  readonly failures: readonly Failure[];
  /** False where the signal ended it. */
  readonly isComplete: boolean;
}

export interface RunPlan {
  readonly targets: readonly Target[];
  readonly suites: readonly Suite[];
  readonly options: SuiteOptions;
  readonly prompts: Prompts;
  readonly rounds: number;
  /** Runs of each case before those that count. */
  readonly warmUps: number;
  /** Of the prompts. */
  readonly seed: number;
}

export type OnProgress = (phase: string, done: number, total: number) => void;

export async function runSuites(plan: RunPlan, onProgress: OnProgress, signal: AbortSignal): Promise<RunOutcome> {
  const run = new Run(plan, onProgress, signal);
  return run.all();
}

class Run {
  readonly #series: Series[] = [];
  readonly #skipped: Skipped[] = [];
  readonly #failures: Failure[] = [];
  #done = 0;

  constructor(
    private readonly plan: RunPlan,
    private readonly onProgress: OnProgress,
    private readonly signal: AbortSignal,
  ) {}

  async all(): Promise<RunOutcome> {
    for (const suite of this.plan.suites) {
      if (this.signal.aborted) break;
      await this.#suite(suite);
    }
    const [series, skipped, failures] = [this.#series, this.#skipped, this.#failures];
    return { series, skipped, failures, isComplete: !this.signal.aborted };
  }

  async #suite(suite: Suite): Promise<void> {
    const { options, targets } = this.plan;
    const unavailable = suite.unavailable?.(options) ?? null;
    const able: Target[] = [];
    for (const target of targets) {
      if (this.#hasFailed(target)) continue;
      const reason = unavailable ?? whyNot(suite, target);
      if (reason !== null) this.#skipped.push({ suite: suite.name, target: target.name, reason });
      else if (await this.#try(suite, target, () => target.prepare(suite.needs(options), this.signal))) able.push(target);
    }
    const cases = able.length > 0 ? suite.cases(options) : [];
    for (const one of cases) await this.#case(suite, one, able, cases.length);
    this.#done = 0;
  }

  async #case(suite: Suite, one: BenchCase, able: readonly Target[], cases: number): Promise<void> {
    const { prompts, seed } = this.plan;
    const [rounds, warmUps] = one.isExact === true ? [1, 0] : [this.plan.rounds, this.plan.warmUps];
    const samples = new Map(able.map((target) => [target, [] as Sample[]]));
    const total = cases * able.length * (rounds + warmUps);
    for (let round = -warmUps; round < rounds; round++) {
      for (const target of inTurn(able, round)) {
        if (this.signal.aborted) break;
        this.onProgress(suite.name, this.#done, total);
        if (!this.#hasFailed(target)) {
          const context: CaseContext = { prompts, seed: seed * 10_000 + round + warmUps + 1, signal: this.signal };
          await this.#try(suite, target, async () => {
            const sample = await one.run(target, context);
            if (round >= 0) samples.get(target)![round] = sample;
          });
        }
        this.#done += 1;
        this.onProgress(suite.name, this.#done, total);
      }
    }
    for (const [target, taken] of samples) {
      for (const measure of one.measures) {
        const values = Array.from(taken, (sample) => finite(sample?.[measure.name]));
        if (values.every((value) => value === null)) continue;
        this.#series.push({ suite: suite.name, case: one.name, x: one.x, measure, target: target.name, samples: values });
      }
    }
  }

  #hasFailed(target: Target): boolean {
    return this.#failures.some(({ target: name }) => name === target.name);
  }

  /** Whether it went well; a failure is noted, unless it is that the run was ended. */
  async #try(suite: Suite, target: Target, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (thrown) {
      if (this.signal.aborted) return false;
      const error = thrown instanceof SemanticError ? thrown : new SemanticError('Internal', String(thrown), { cause: thrown });
      this.#failures.push({ suite: suite.name, target: target.name, error });
      return false;
    }
  }
}

function whyNot({ of }: Suite, { own }: Target): string | null {
  if (of === 'any') return null;
  if (own === null) return 'it asks our own daemon about itself, which this server is not';
  if (of === 'own') return own.binary === null ? 'it starts daemons of its own: not with --target' : null;
  return own.isThis ? null : 'it runs code of this build, in this process';
}

/** Each of two comes first as often as the other: what the one before leaves behind (heat, caches) meets both alike. */
function inTurn<T>(all: readonly T[], round: number): readonly T[] {
  return round % 2 === 0 ? all : all.toReversed();
}

function finite(value: number | null | undefined): number | null {
  return typeof value === 'number' && Number.isFinite(value) ? value : null;
}
