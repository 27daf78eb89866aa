/** The figures above the table, the most telling first in each line. */
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';
import { duration, milliseconds, rate, share } from './figures.js';
import { fit, type Line, line } from './line.js';
import type { Snapshot } from './snapshot.js';

const BAR = 20; // cells

export function title({ daemon, time }: Snapshot, columns: number): Line {
  const clock = new Date(time * 1000).toTimeString().slice(0, 8);
  return line(
    fit([`semantic top: ${daemon.model}`, clock, `up ${duration(daemon.uptime_seconds)}`, `pid ${daemon.pid}`], columns),
    'title',
  );
}

/** The most important line first: a low terminal shows as many as it has room for. */
export function summary({ daemon, scheduler, agents }: Snapshot, columns: number): Line[] {
  const { limits, queue, totals, rates, pool } = scheduler;
  const { requests, tokens } = totals;
  const lines = [
    row('queue', [
      `${queue.running} running`,
      `${queue.waiting} waiting`,
      `${queue.preempted} preempted`,
      `batch ${queue.running} of ${limits.max_batch_sequences}`,
      `window ${limits.batch_window_ms} ms`,
    ]),
    row('speed', [
      `${rate(rates.decode_tokens_per_second)} tok/s written`,
      `${rate(rates.prefill_tokens_per_second)} tok/s read`,
      `step ${spread(rates.step_ms)}`,
    ]),
    row('latency', [
      `first token ${spread(rates.ttft_ms)}`,
      `between tokens ${spread(rates.inter_token_ms)}`,
      `queued ${spread(rates.queue_ms)}`,
    ]),
    row('pool', [
      `${bar(pool.used_bytes / pool.total_bytes)} ${share(pool.used_bytes / pool.total_bytes)}`,
      `${formatBytes(pool.used_bytes)} of ${formatBytes(pool.total_bytes)}`,
      `process ${formatBytes(daemon.resident_bytes)}`,
    ]),
    row('totals', [
      formatCount(requests.finished, 'answer'),
      `${tokens.generated} tokens`,
      `${requests.failed} failed`,
      `${requests.refused} refused`,
      `${requests.cancelled} cancelled`,
      formatCount(agents.length, 'agent'),
    ]),
  ];
  const shown = lines.map((parts) => line(fit(parts, columns)));
  return daemon.fault === null ? shown : [line(fit([`Nothing is admitted: ${daemon.fault}`], columns), 'alarm'), ...shown];
}

function row(name: string, [first = '', ...rest]: readonly string[]): string[] {
  return [`${name.padEnd(8)}${first}`, ...rest];
}

/** Median, and what 95 of 100 do not pass. */
function spread({ p50, p95 }: SchedulerBody['rates']['step_ms']): string {
  return p50 === null ? '-' : `${milliseconds(p50)} (p95 ${milliseconds(p95)})`;
}

function bar(full: number): string {
  const cells = Math.round(Math.min(1, Math.max(0, Number.isFinite(full) ? full : 0)) * BAR);
  return `[${'#'.repeat(cells)}${'-'.repeat(BAR - cells)}]`;
}
