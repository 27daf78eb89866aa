import { Args, Flags } from '@oclif/core';
import type { Compared, Comparison } from '../../bench/compare/compare.js';
import { BaseCommand } from '../base-command.js';
import { formatTable } from '../format/table.js';

export default class BenchCompare extends BaseCommand {
  static override summary = 'Say for every measure whether the second benchmark is better, worse or the same, with the interval.';
  static override description =
    'CHANGE is how much better B is than A, whichever direction is better for the measure, with the interval that noise leaves. ' +
    'The two were measured apart: for a verdict that a build may fail on, see semantic bench gate --against-build.';
  static override examples = [
    '<%= config.bin %> bench compare 20260131-120000-a1b2 latest',
    '<%= config.bin %> bench compare before.json after.json --json',
  ];
  static override args = {
    a: Args.string({ required: true, description: 'Id or file of the first' }),
    b: Args.string({ required: true, description: 'Id or file of the second' }),
  };
  static override flags = { of: Flags.string({ description: 'The target to compare; our own without it', helpValue: 'target' }) };

  override async run(): Promise<Comparison> {
    const { args, flags } = await this.parse(BenchCompare);
    const { readBenchmark } = await import('../../bench/results/read-benchmark.js');
    const { compare } = await import('../../bench/compare/compare.js');
    const { cellsBeside } = await import('../../bench/report/figure.js');
    const comparison = compare(readBenchmark(args.a), readBenchmark(args.b), flags.of ?? null);
    const row = (one: Compared): string[] => [...cellsBeside(one), one.verdict];
    const head = ['SUITE', 'CASE', 'MEASURE', 'A', 'B', 'CHANGE', 'VERDICT'];
    if (comparison.measures.length === 0) this.note('They have no measure in common.');
    else for (const line of formatTable(head, comparison.measures.map(row))) this.log(line);
    if (!comparison.isSameMachine) this.note('They were measured on different machines: this says little of the builds.');
    if (comparison.unmatched > 0) this.note(`Only one of the two has: ${comparison.unmatched} series.`);
    return comparison;
  }
}
