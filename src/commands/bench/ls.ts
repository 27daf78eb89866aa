import { Flags } from '@oclif/core';
import { benchmarksFile } from '../../adapters/paths/paths.js';
import type { BenchmarkBody } from '../../bench/results/schema.js';
import { BaseCommand } from '../base-command.js';
import { formatTable } from '../format/table.js';

interface Listed extends Pick<BenchmarkBody, 'id' | 'createdAt' | 'label' | 'complete'> {
  readonly suites: readonly string[];
  readonly targets: readonly string[];
}

export default class BenchLs extends BaseCommand {
  static override summary = 'List the benchmarks that were kept, the newest first.';
  static override examples = ['<%= config.bin %> bench ls', '<%= config.bin %> bench ls -n 5 --json'];
  static override flags = {
    limit: Flags.integer({ char: 'n', description: 'At most so many', helpValue: 'n', default: 50, min: 1 }),
  };

  override async run(): Promise<{ readonly benchmarks: readonly Listed[] }> {
    const { flags } = await this.parse(BenchLs);
    const { ResultStore } = await import('../../bench/results/result-store.js');
    const store = ResultStore.open(benchmarksFile());
    try {
      const benchmarks = store.list(flags.limit).map(listed);
      if (benchmarks.length === 0) this.note('There is nothing: semantic bench measures.');
      else for (const line of formatTable(['ID', 'TIME', 'SUITES', 'TARGETS', 'LABEL'], benchmarks.map(row))) this.log(line);
      return { benchmarks };
    } finally {
      store.close();
    }
  }
}

function listed({ id, createdAt, label, complete, settings, targets }: BenchmarkBody): Listed {
  return { id, createdAt, label, complete, suites: settings.suites, targets: targets.map(({ name, model }) => `${name}/${model}`) };
}

function row({ id, createdAt, suites, targets, label, complete }: Listed): string[] {
  const called = [label ?? '', complete ? '' : '(not complete)'].join(' ').trim();
  return [id, createdAt.slice(0, 19).replace('T', ' '), suites.join(' '), targets.join(' '), called];
}
