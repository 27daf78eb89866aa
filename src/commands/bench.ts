import { Args, Flags } from '@oclif/core';
import type { BenchmarkBody } from '../bench/results/schema.js';
import { BaseCommand } from './base-command.js';
import { abortOnSignals } from './bench/abort-on-signals.js';
import { benchFlags, sessionOptions } from './bench/bench-flags.js';
import { benchmarkLines, writeReports } from './bench/print.js';
import { saveBenchmark } from './bench/save.js';
import { ERROR_TABLE } from '../core/domain/errors.js';

const ROUNDS = 5;
const QUICK_ROUNDS = 2;

export default class Bench extends BaseCommand {
  static override summary = 'Measure this build, alone or beside other servers, and keep the result.';
  static override description =
    'Suites: decode, prefill, ttft, throughput (what runs where none is named), latency, memory, startup, server, swap, io, blocks, quality, agents, ' +
    'or all. A private daemon is started with an empty home and the installed model; peers get the same prompts, in turn within each round. ' +
    'Ctrl-C keeps what was measured.';
  static override examples = [
    '<%= config.bin %> bench',
    '<%= config.bin %> bench decode prefill --rounds 10',
    '<%= config.bin %> bench --peer llama.cpp=/opt/llama.cpp/bin --html report.html',
    '<%= config.bin %> bench ttft --peer url=http://127.0.0.1:8080 --markdown report.md',
    '<%= config.bin %> bench all --quick --json',
  ];
  static override usage =
    'bench [SUITE...] [--peer server...] [--target address] [--rounds n] [--quick] [--markdown file] [--html file] [--json]';
  static override strict = false;
  static override args = { suite: Args.string({ description: 'Suites to run; those named above without it' }) };
  static override flags = {
    ...benchFlags,
    label: Flags.string({ description: 'A name to know the result by', helpValue: 'text' }),
    markdown: Flags.string({ description: 'Write a report there, as Markdown', helpValue: 'file' }),
    html: Flags.string({ description: 'Write a report there, as one HTML file with plots', helpValue: 'file' }),
  };

  override async run(): Promise<BenchmarkBody> {
    const { argv, flags } = await this.parse(Bench);
    const { engineSettings } = await import('./engine-flags.js');
    const { DEFAULT_SUITES, suitesOf } = await import('../bench/suites/suites.js');
    const suites = suitesOf(argv.length > 0 ? argv.map(String) : DEFAULT_SUITES);
    const settings = await this.settings(engineSettings(flags));
    const rounds = flags.rounds ?? (flags.quick ? QUICK_ROUNDS : ROUNDS);
    const options = sessionOptions(flags, settings, { suites, rounds, quick: flags.quick, againstBuild: null });
    const { BenchSession } = await import('../bench/run/bench-session.js');
    const { progressBar } = await import('./progress-bar.js');
    return abortOnSignals(async (signal) => {
      const session = await BenchSession.open(options, signal);
      const bar = progressBar(process.stderr);
      try {
        this.note(`It takes about ${duration(session.estimateSeconds)}.`);
        const { benchmark, failures } = await session.measure(0, flags.label ?? null, (...at) => bar.show(...at), signal);
        bar.stop();
        if (flags.save) await saveBenchmark(benchmark);
        for (const line of await benchmarkLines(benchmark)) this.log(line);
        await writeReports(benchmark, flags);
        const { missing } = await import('../bench/report/describe.js');
        for (const text of missing(benchmark)) this.note(text);
        if (flags.save) this.note(`Kept as ${benchmark.id}: semantic bench show ${benchmark.id}`);
        if (failures[0] !== undefined) process.exitCode = failures[0].error.exitCode;
        if (signal.aborted) process.exitCode = ERROR_TABLE.Cancelled.exit;
        return benchmark;
      } finally {
        bar.stop();
        await session.close();
      }
    });
  }
}

function duration(seconds: number): string {
  return seconds < 90 ? `${Math.max(1, Math.round(seconds))} s` : `${Math.round(seconds / 60)} min`;
}
