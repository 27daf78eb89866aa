/** A benchmark as tables: a row for each measure, a column for each target, and how the others stand to the first. */
import { pairedRatioOf } from '../compare/compare.js';
import type { BenchmarkBody, SeriesBody } from '../results/schema.js';
import { gainOf } from '../statistics/verdict.js';
import { figure, gainText, measureText } from './figure.js';

export interface SuiteTable {
  readonly suite: string;
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export function suiteTables({ targets, series }: BenchmarkBody): readonly SuiteTable[] {
  const suites = [...new Set(series.map(({ suite }) => suite))];
  return suites.map((suite) => {
    const all = series.filter((one) => one.suite === suite);
    const here = targets.filter(({ name }) => all.some(({ target }) => target === name));
    const [first, ...others] = here.map(({ name }) => name);
    return {
      suite,
      head: ['case', 'measure', ...here.map(({ name }) => name), ...others.map((name) => `${name} beside ${first}`)],
      rows: grouped(all).map((row) => rowOf(row, first!, others)),
    };
  });
}

/** Series of one measure of one case, in the order they were measured. */
function grouped(series: readonly SeriesBody[]): readonly (readonly SeriesBody[])[] {
  const groups = new Map<string, SeriesBody[]>();
  for (const one of series) {
    const key = JSON.stringify([one.case, one.measure]);
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()];
}

function rowOf(row: readonly SeriesBody[], first: string, others: readonly string[]): readonly string[] {
  const of = (name: string): SeriesBody | undefined => row.find(({ target }) => target === name);
  const base = of(first);
  return [
    row[0]!.case,
    measureText(row[0]!),
    cell(base),
    ...others.map((name) => cell(of(name))),
    ...others.map((name) => beside(base, of(name))),
  ];
}

function cell(series: SeriesBody | undefined): string {
  if (series === undefined) return '-';
  const { low, median, high } = series;
  return low === high ? figure(median) : `${figure(median)} (${figure(low)}..${figure(high)})`;
}

function beside(base: SeriesBody | undefined, other: SeriesBody | undefined): string {
  if (base === undefined || other === undefined) return '-';
  return gainText(gainOf(pairedRatioOf(base, other), other.better));
}
