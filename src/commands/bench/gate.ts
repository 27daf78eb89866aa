import { Args, Flags } from '@oclif/core';
import type { GatedMeasure, GateReport } from '../../bench/compare/gate.js';
import type { GateWish } from '../../bench/compare/run-gate.js';
import { ERROR_TABLE, SemanticError } from '../../core/domain/errors.js';
import { BaseCommand } from '../base-command.js';
import { formatTable } from '../format/table.js';
import { abortOnSignals } from './abort-on-signals.js';
import { benchFlags, sessionOptions } from './bench-flags.js';
import { saveBenchmark } from './save.js';

const ROUNDS = 8;
const QUICK_ROUNDS = 3;

export default class BenchGate extends BaseCommand {
  static override summary = 'Measure this build and fail where it is worse than allowed, beyond noise.';
  static override description =
    'With --against-build another build is measured in turn with this one, in the same run: what the machine does meanwhile meets both. With ' +
    '--against a kept benchmark, or a file of one, is what counts: measure on the same quiet machine. A measure fails where its whole interval is ' +
    `beyond --max-regression, and still is when it is measured again; the exit code is ${ERROR_TABLE.Regression.exit} then. Suites: decode and prefill, or those of --against.`;
  static override examples = [
    '<%= config.bin %> bench gate --against-build ../main --max-regression 5%',
    '<%= config.bin %> bench gate --against baseline.json',
    '<%= config.bin %> bench gate ttft --against-build ../main --rounds 12 --json',
  ];
  static override usage = 'bench gate [SUITE...] [--against ref | --against-build path] [--max-regression share] [--attempts n] [--json]';
  static override strict = false;
  static override args = { suite: Args.string({ description: 'Suites to run' }) };
  static override flags = {
    ...benchFlags,
    against: Flags.string({ description: 'Id of a kept benchmark, or a file of JSON', helpValue: 'ref', exclusive: ['against-build'] }),
    'against-build': Flags.string({ description: 'Root of another build, or its bin/run.js', helpValue: 'path' }),
    'max-regression': Flags.string({ description: 'How much worse a measure may be', helpValue: 'share', default: '5%' }),
    attempts: Flags.integer({ description: 'How often to measure, at most, before it fails', helpValue: 'n', default: 3, min: 1, max: 20 }),
  };

  override async run(): Promise<GateReport> {
    const { argv, flags } = await this.parse(BenchGate);
    const { GATE_SUITES, suitesOf } = await import('../../bench/suites/suites.js');
    const { readBenchmark } = await import('../../bench/results/read-benchmark.js');
    const { parseShare } = await import('../../bench/compare/gate.js');
    const { runGate } = await import('../../bench/compare/run-gate.js');
    const { engineSettings } = await import('../engine-flags.js');
    const { progressBar } = await import('../progress-bar.js');
    const againstBuild = flags['against-build'] ?? null;
    if (flags.against === undefined && againstBuild === null) {
      throw new SemanticError('InvalidRequest', 'a gate wants something to hold the build against: --against or --against-build');
    }
    const kept = flags.against === undefined ? null : readBenchmark(flags.against);
    const suites = suitesOf(argv.length > 0 ? argv.map(String) : (kept?.settings.suites ?? GATE_SUITES));
    const quick = flags.quick || (kept?.settings.quick ?? false);
    const wish: GateWish = {
      maxRegression: parseShare(flags['max-regression']),
      maxAttempts: flags.attempts,
      kept,
      session: sessionOptions(flags, await this.settings(engineSettings(flags)), {
        suites,
        quick,
        rounds: flags.rounds ?? (quick ? QUICK_ROUNDS : ROUNDS),
        againstBuild,
      }),
    };
    const bar = progressBar(process.stderr);
    const listener = {
      note: (text: string) => this.note(text),
      onProgress: (phase: string, done: number, total: number) => bar.show(phase, done, total),
      measured: async (benchmark: Parameters<typeof saveBenchmark>[0]) => {
        bar.stop();
        if (flags.save) await saveBenchmark(benchmark);
      },
    };
    try {
      const report = await abortOnSignals((signal) => runGate(wish, listener, signal));
      await this.#print(report);
      return report;
    } finally {
      bar.stop();
    }
  }

  async #print({ measures, passed, attempts, maxRegression }: GateReport): Promise<void> {
    const { cellsBeside, figure } = await import('../../bench/report/figure.js');
    const row = (one: GatedMeasure): string[] => [...cellsBeside(one), one.outcome];
    for (const line of formatTable(['SUITE', 'CASE', 'MEASURE', 'BASE', 'THIS', 'CHANGE', 'OUTCOME'], measures.map(row))) this.log(line);
    const times = attempts === 1 ? 'measured once' : `measured ${attempts} times`;
    this.log(`It ${passed ? 'passes' : 'fails'}: at most ${figure(100 * maxRegression)} % worse is allowed, ${times}.`);
    if (!passed) process.exitCode = ERROR_TABLE.Regression.exit;
  }
}
