/** The scheduler's report in the JSON of the admin API. */
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import type { Caller } from '../../core/domain/agent.js';
import { PRIORITIES, type Priority } from '../../core/domain/priority.js';
import type { SchedulerReport, SequenceReport, SequenceState } from '../../core/engine/scheduler-report.js';

/** Digits of a key's hash that tell keys apart on a screen. */
const KEY_DIGITS = 8;

export function schedulerBody(report: SchedulerReport, caller: Caller): SchedulerBody {
  const { limits, prefillChunkTokens, projectedDelayMs, requests, tokens, steps, stepMillis, rates, pool, sequences } = report;
  const byClass = Object.fromEntries(
    PRIORITIES.map((priority) => [priority, queueCounts(sequences.filter((sequence) => sequence.priority === priority))]),
  ) as Record<Priority, QueueCounts>;
  return {
    object: 'scheduler',
    limits: {
      batch_window_ms: limits.batchWindowMs,
      max_batch_sequences: limits.maxBatchSequences,
      max_queue: limits.maxQueue,
      max_queue_per_key: limits.maxQueuePerKey,
      max_running_per_key: limits.maxRunningPerKey,
      max_queue_ms: limits.maxQueueMs,
      prefill_chunk_tokens: { min: limits.minPrefillTokens, max: limits.maxPrefillTokens, now: prefillChunkTokens },
      decode_share: limits.decodeShare,
      step_gap_ms: limits.stepGapMs,
      ageing_ms: limits.ageingMs,
      reserve_tokens: limits.reserveTokens,
      min_shared_prefill_tokens: limits.minSharedPrefillTokens,
    },
    queue: { ...queueCounts(sequences), by_class: byClass, projected_delay_ms: Math.round(projectedDelayMs) },
    totals: { requests, tokens, steps, step_ms: stepMillis },
    rates: {
      span_ms: rates.spanMs,
      decode_tokens_per_second: tenths(rates.decodeTokensPerSecond),
      prefill_tokens_per_second: tenths(rates.prefillTokensPerSecond),
      step_ms: rates.stepMs,
      inter_token_ms: rates.interTokenMs,
      ttft_ms: rates.ttftMs,
      queue_ms: rates.queueMs,
    },
    pool: { total_bytes: pool.totalBytes, used_bytes: pool.usedBytes, pressure: pool.pressure },
    sequences: sequences.map((sequence) => sequenceBody(sequence, caller)),
  };
}

type QueueCounts = SchedulerBody['queue']['by_class'][Priority];

function queueCounts(sequences: readonly SequenceReport[]): QueueCounts {
  const inState = (...states: SequenceState[]): number => sequences.filter(({ state }) => states.includes(state)).length;
  return {
    waiting: inState('waiting'),
    running: inState('starting', 'prefill', 'decode', 'held'),
    preempted: inState('preempted'),
  };
}

function sequenceBody(sequence: SequenceReport, caller: Caller): SchedulerBody['sequences'][number] {
  const { id, agent, key, priority, state, ttftMs } = sequence;
  return {
    id,
    agent: caller.seesAll || caller.scope === key ? agent : null,
    key: key.slice(0, KEY_DIGITS),
    class: priority,
    state,
    prompt_tokens: sequence.promptTokens,
    cached_tokens: sequence.cachedTokens,
    kv_tokens: sequence.kvTokens,
    output_tokens: sequence.outputTokens,
    max_tokens: sequence.maxTokens,
    tokens_per_second: tenths(sequence.tokensPerSecond),
    age_ms: Math.round(sequence.ageMs),
    waited_ms: Math.round(sequence.waitedMs),
    ttft_ms: ttftMs === null ? null : Math.round(ttftMs),
  };
}

function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}
