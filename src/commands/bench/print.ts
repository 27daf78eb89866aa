/** A benchmark for a terminal, and as files. */
import { writeFileSync } from 'node:fs';
import type { BenchmarkBody } from '../../bench/results/schema.js';
import { SemanticError } from '../../core/domain/errors.js';
import { formatTable } from '../format/table.js';

/** Facts, and a table for each suite. */
export async function benchmarkLines(benchmark: BenchmarkBody): Promise<readonly string[]> {
  const { facts } = await import('../../bench/report/describe.js');
  const { suiteTables } = await import('../../bench/report/rows.js');
  const about = facts(benchmark).map(([name, text]) => `${name.padEnd(11)} ${text}`);
  const tables = suiteTables(benchmark).flatMap(({ suite, head, rows }) => ['', suite.toUpperCase(), ...formatTable(head, rows)]);
  return [...about, ...tables];
}

export interface ReportFiles {
  readonly markdown?: string | undefined;
  readonly html?: string | undefined;
}

/** Throws InvalidRequest where a file cannot be written. */
export async function writeReports(benchmark: BenchmarkBody, { markdown, html }: ReportFiles): Promise<void> {
  if (markdown !== undefined) {
    const { toMarkdown } = await import('../../bench/report/markdown.js');
    write(markdown, toMarkdown(benchmark), 'markdown');
  }
  if (html !== undefined) {
    const { toHtml } = await import('../../bench/report/html.js');
    write(html, toHtml(benchmark), 'html');
  }
}

function write(path: string, text: string, flag: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `--${flag}: ${path} cannot be written: ${(cause as Error).message}`, { param: flag, cause });
  }
}
