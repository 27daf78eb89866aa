import type { BenchmarkBody } from '../results/schema.js';
import { facts, missing } from './describe.js';
import { suiteTables } from './rows.js';

/** A benchmark as Markdown. */
export function toMarkdown(benchmark: BenchmarkBody): string {
  const about = facts(benchmark).map(([name, text]) => `- ${name}: ${text}`);
  const gaps = missing(benchmark);
  const tables = suiteTables(benchmark).flatMap(({ suite, head, rows }) => ['', `## ${suite}`, '', ...table(head, rows)]);
  return [
    `# Benchmark ${benchmark.id}`,
    '',
    ...about,
    ...tables,
    ...(gaps.length > 0 ? ['', '## Left out', '', ...gaps.map((gap) => `- ${gap}`)] : []),
    '',
  ].join('\n');
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const line = (cells: readonly string[]): string => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)];
}
