/** A benchmark by what a user calls it: a file of JSON, or the id of a stored one. */
import { existsSync, readFileSync } from 'node:fs';
import { z } from 'zod';
import { benchmarksFile } from '../../adapters/paths/paths.js';
import { SemanticError } from '../../core/domain/errors.js';
import { ResultStore } from './result-store.js';
import { type BenchmarkBody, benchmarkSchema, SCHEMA_VERSION } from './schema.js';

/** Throws BenchmarkNotFound, FileDamaged. */
export function readBenchmark(reference: string): BenchmarkBody {
  if (reference.endsWith('.json') || reference.includes('/')) return readFile(reference);
  const store = ResultStore.open(benchmarksFile());
  try {
    return store.get(reference);
  } finally {
    store.close();
  }
}

function readFile(path: string): BenchmarkBody {
  if (!existsSync(path)) throw new SemanticError('BenchmarkNotFound', `[bench] there is no file ${path}`);
  try {
    return benchmarkSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (cause) {
    const issue = cause instanceof z.ZodError ? cause.issues[0] : undefined;
    const what = issue === undefined ? (cause as Error).message : `${issue.path.join('.')}: ${issue.message}`;
    throw new SemanticError('FileDamaged', `[bench] ${path} is no benchmark of version ${SCHEMA_VERSION}: ${what}`, {
      hint: 'Such a file is what semantic bench --json prints.',
      cause,
    });
  }
}
