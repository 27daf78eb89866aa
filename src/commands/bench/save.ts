import { benchmarksFile } from '../../adapters/paths/paths.js';
import type { BenchmarkBody } from '../../bench/results/schema.js';

export async function saveBenchmark(benchmark: BenchmarkBody): Promise<void> {
  const { ResultStore } = await import('../../bench/results/result-store.js');
  const store = ResultStore.open(benchmarksFile());
  try {
    store.save(benchmark);
  } finally {
    store.close();
  }
}
