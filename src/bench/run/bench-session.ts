/** Servers that are open for measuring: opened once, measured as often as is wanted, closed together. */
import { SemanticError } from '../../core/domain/errors.js';
import { Prompts } from '../prompts/prompts.js';
import { makeBenchmark } from '../results/make-benchmark.js';
import type { BenchmarkBody, MachineFacts } from '../results/schema.js';
import type { Suite, SuiteOptions } from '../suites/suite.js';
import { closeTargets, openTargets, type TargetWish } from '../targets/open-targets.js';
import type { Target } from '../targets/target.js';
import { estimateSeconds, speedOf } from './estimate.js';
import { machineFacts } from './machine.js';
import { type Failure, type OnProgress, runSuites } from './run-suites.js';

export interface SessionOptions {
  readonly wish: TargetWish;
  readonly suites: readonly Suite[];
  readonly quick: boolean;
  readonly rounds: number;
  readonly warmUps: number;
  readonly seed: number;
  readonly other: string | null;
  readonly inProcess: SuiteOptions['inProcess'];
}

export interface Measured {
  readonly benchmark: BenchmarkBody;
  readonly failures: readonly Failure[];
}

/** Where no server says how long prompts may be. */
const USUAL_CONTEXT = 4_096;
/** A model that reads prompts of hours is measured up to here. */
const LONGEST_CONTEXT = 32_768 + 1_024;

export class BenchSession {
  private constructor(
    private readonly options: SessionOptions,
    private readonly targets: readonly Target[],
    private readonly prompts: Prompts,
    private readonly machine: MachineFacts,
    /** Of one whole measuring, seconds; good to a factor of two. */
    readonly estimateSeconds: number,
  ) {}

  /** Throws what keeps a target from being opened, or from answering at all; nothing is left open then. */
  static async open(options: SessionOptions, signal: AbortSignal): Promise<BenchSession> {
    const machine = machineFacts(); // before the servers are part of its load
    const targets = await openTargets(options.wish, signal);
    try {
      const [first] = targets;
      await first!.prepare({ slots: 1, contextTokens: SMALL_CONTEXT }, signal);
      const prompts = await Prompts.calibrate((body) => first!.chat(body, { signal }));
      const speeds = [];
      for (const target of targets) speeds.push(await speedOf(target, { prompts }, signal));
      const { suites, rounds, warmUps } = options;
      const seconds = estimateSeconds({ suites, rounds, warmUps, options: suiteOptions(options, targets) }, speeds);
      return new BenchSession(options, targets, prompts, machine, seconds);
    } catch (error) {
      await closeTargets(targets);
      throw signal.aborted ? new SemanticError('Cancelled', 'nothing was measured', { cause: error }) : error;
    }
  }

  /** Another `attempt` has other prompts. What was measured stays when a target fails or the signal aborts. */
  async measure(attempt: number, label: string | null, onProgress: OnProgress, signal: AbortSignal): Promise<Measured> {
    const { suites, rounds, warmUps, seed } = this.options;
    const plan = {
      targets: this.targets,
      suites,
      options: suiteOptions(this.options, this.targets),
      prompts: this.prompts,
      rounds,
      warmUps,
      seed: seed + attempt,
    };
    const startedAt = new Date();
    const outcome = await runSuites(plan, onProgress, signal);
    const seconds = (Date.now() - startedAt.getTime()) / 1000;
    return { benchmark: makeBenchmark(plan, outcome, { startedAt, seconds, label, machine: this.machine }), failures: outcome.failures };
  }

  close(): Promise<void> {
    return closeTargets(this.targets);
  }
}

/** For the questions that come before the first suite. */
const SMALL_CONTEXT = 512;

function suiteOptions({ quick, other, inProcess }: SessionOptions, targets: readonly Target[]): SuiteOptions {
  const known = targets.flatMap(({ contextTokens }) => contextTokens ?? []);
  const contextTokens = Math.min(LONGEST_CONTEXT, known.length > 0 ? Math.min(...known) : USUAL_CONTEXT);
  return { quick, other, inProcess, contextTokens };
}
