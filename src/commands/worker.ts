import { constants, hostname } from 'node:os';
import { Flags } from '@oclif/core';
import { socketPath } from '../adapters/paths/paths.js';
import type { WorkerReport } from '../client/jobs/job-worker.js';
import { DaemonCommand } from './daemon-command.js';
import { formatCount } from './format/count.js';

export interface WorkersReport {
  readonly succeeded: number;
  readonly failed: number;
  readonly left: number;
  /** Milliseconds per job beyond the engine's own; null where none succeeded. */
  readonly overheadMs: { readonly p50: number; readonly p95: number } | null;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;

export default class Worker extends DaemonCommand {
  static override summary = 'Run jobs of a running daemon, until Ctrl-C or SIGTERM.';
  static override description =
    'Leases jobs over the socket of the daemon and runs them through its ordinary routes. As many workers as you like may serve one daemon; ' +
    'one that is killed loses its jobs to the others when their leases run out. The first signal lets the jobs it has end, the second gives them back.';
  static override examples = ['<%= config.bin %> worker --concurrency 4', '<%= config.bin %> worker --until-empty --json'];
  static override flags = {
    concurrency: Flags.integer({ char: 'c', description: 'Jobs at once', helpValue: 'n', default: 1, min: 1, max: 64 }),
    'until-empty': Flags.boolean({ default: false, description: 'End when no job waits or runs any more' }),
    name: Flags.string({ description: 'How the jobs name it (host and process id)', helpValue: 'text' }),
  };

  override async run(): Promise<WorkersReport> {
    const { flags } = await this.parse(Worker);
    const { server, client } = await this.settings({ 'server.socket': flags.socket });
    const { startWorkers } = await import('../client/jobs/start-workers.js');
    const name =
      flags.name ??
      `${hostname()
        .replaceAll(/[^\w.-]/g, '-')
        .slice(0, 40)}:${process.pid}`;
    const workers = await startWorkers({
      socket: socketPath(server.socket),
      connectTimeoutMs: client.connect_timeout_ms,
      worker: name,
      concurrency: flags.concurrency,
      untilEmpty: flags['until-empty'],
      note: (text) => this.note(text),
    });
    const onSignal = (signal: (typeof SIGNALS)[number]): void => {
      process.exitCode = 128 + constants.signals[signal];
      this.note(
        workers.isStopping ? `${signal}: giving back what is running.` : `${signal}: finishing what is running, taking nothing new.`,
      );
      workers.stop();
    };
    for (const signal of SIGNALS) process.on(signal, onSignal);
    const report = summaryOf(await workers.ended);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    const { succeeded, failed, left, overheadMs } = report;
    const beyond = overheadMs === null ? '' : `; beyond the engine's own time p50 ${overheadMs.p50} ms, p95 ${overheadMs.p95} ms`;
    this.log(`${formatCount(succeeded, 'job')} succeeded, ${failed} came to nothing, ${left} were left${beyond}`);
    return report;
  }
}

function summaryOf(reports: readonly WorkerReport[]): WorkersReport {
  const sum = (count: (report: WorkerReport) => number): number => reports.reduce((total, report) => total + count(report), 0);
  const sorted = reports.flatMap(({ overheadMs }) => overheadMs).toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round(10 * sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!) / 10;
  return {
    succeeded: sum((report) => report.succeeded),
    failed: sum((report) => report.failed),
    left: sum((report) => report.left),
    overheadMs: sorted.length === 0 ? null : { p50: at(0.5), p95: at(0.95) },
  };
}
