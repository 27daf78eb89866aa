import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type JobsRun, runJobs } from '../jobs-under-kills.js';
import { percentile } from '#src/bench/statistics/median.js';
import { figure, table } from '../table.js';
import { ENGINE, verb } from '../verb.js';

export const jobs = verb({
  summary: '--jobs run by --workers, of which one is killed every --kill-seconds, and the daemon every --daemon-seconds (0 = never)',
  flags: {
    ...ENGINE,
    compute: 'int8',
    jobs: '10000',
    workers: '3',
    concurrency: '2',
    tokens: '2',
    'kill-seconds': '2',
    'daemon-seconds': '60',
  },
  async run(flags, progress) {
    const home = mkdtempSync(join(tmpdir(), 'semantic-jobs-'));
    const undisturbed = { ...flags, jobs: String(Math.min(1_000, Number(flags.jobs))), 'kill-seconds': '0', 'daemon-seconds': '0' };
    try {
      const calm = await runJobs(undisturbed, join(home, 'calm'), progress);
      const killed = await runJobs(flags, join(home, 'killed'), progress);
      const columns = [calm, killed];
      const row = (name: string, of: (run: JobsRun) => string): string[] => [name, ...columns.map(of)];
      const ms = (values: readonly number[], share: number): string => figure(percentile(values, share));
      return [
        table(
          [`${flags.workers} workers, ${flags.concurrency} jobs each at once`, 'undisturbed', 'kill -9 all the while'],
          [
            row('jobs', ({ submitted }) => `${submitted}`),
            row('workers killed', ({ workersKilled }) => `${workersKilled}`),
            row('daemons killed', ({ daemonsKilled }) => `${daemonsKilled}`),
            row('jobs with exactly one final result', ({ once }) => `${once}`),
            row('jobs with none, or with two', ({ submitted, once }) => `${submitted - once}`),
            row('of them succeeded', ({ succeeded }) => `${succeeded}`),
            row('attempts', ({ attempts }) => `${attempts}`),
            row('jobs per second', ({ submitted, seconds }) => figure(submitted / seconds)),
            row('engine, ms of a job: p50', ({ engineMs }) => ms(engineMs, 0.5)),
            row('beyond the engine, from lease to result, ms: p50', ({ overheadMs }) => ms(overheadMs, 0.5)),
            row('p95', ({ overheadMs }) => ms(overheadMs, 0.95)),
            row('p99', ({ overheadMs }) => ms(overheadMs, 0.99)),
            row('the same, until the worker was told that its result is kept: p95', ({ workerP95 }) => figure(workerP95)),
          ],
        ),
      ];
    } finally {
      rmSync(home, { recursive: true, force: true });
    }
  },
});
