import { Args, Flags } from '@oclif/core';
import type { BenchmarkBody } from '../../bench/results/schema.js';
import { BaseCommand } from '../base-command.js';
import { benchmarkLines, writeReports } from './print.js';

export default class BenchShow extends BaseCommand {
  static override summary = 'Show a benchmark, or write a report of it.';
  static override examples = [
    '<%= config.bin %> bench show latest',
    '<%= config.bin %> bench show 20260131-120000-a1b2 --html report.html',
    '<%= config.bin %> bench show ./result.json --json',
  ];
  static override args = { id: Args.string({ required: true, description: 'Id, its beginning or end, `latest`, or a file of JSON' }) };
  static override flags = {
    markdown: Flags.string({ description: 'Write a report there, as Markdown', helpValue: 'file' }),
    html: Flags.string({ description: 'Write a report there, as one HTML file with plots', helpValue: 'file' }),
  };

  override async run(): Promise<BenchmarkBody> {
    const { args, flags } = await this.parse(BenchShow);
    const { readBenchmark } = await import('../../bench/results/read-benchmark.js');
    const { missing } = await import('../../bench/report/describe.js');
    const benchmark = readBenchmark(args.id);
    for (const line of await benchmarkLines(benchmark)) this.log(line);
    for (const text of missing(benchmark)) this.note(text);
    await writeReports(benchmark, flags);
    return benchmark;
  }
}
