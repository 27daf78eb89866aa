/** A snapshot as one line, for a log or a pipe. */
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import { milliseconds, rate, share } from './figures.js';
import type { Snapshot } from './snapshot.js';

export function plainLine({ time, daemon, scheduler, agents }: Snapshot): string {
  const { queue, rates, pool, totals } = scheduler;
  return [
    new Date(time * 1000).toISOString(),
    `running ${queue.running}`,
    `waiting ${queue.waiting}`,
    `preempted ${queue.preempted}`,
    `written ${rate(rates.decode_tokens_per_second)} tok/s`,
    `read ${rate(rates.prefill_tokens_per_second)} tok/s`,
    `first token ${median(rates.ttft_ms)}`,
    `between tokens ${median(rates.inter_token_ms)}`,
    `pool ${share(pool.used_bytes / pool.total_bytes)}`,
    `agents ${agents.length}`,
    `refused ${totals.requests.refused}`,
    `failed ${totals.requests.failed}`,
    ...(daemon.fault === null ? [] : [`fault ${daemon.fault}`]),
  ].join('  ');
}

function median({ p50 }: SchedulerBody['rates']['step_ms']): string {
  return milliseconds(p50);
}
