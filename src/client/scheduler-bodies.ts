/** The scheduler as JSON: what the daemon writes and its client reads. */
import { z } from 'zod';
import { PRIORITIES } from '../core/domain/priority.js';

const count = z.number();
/** Milliseconds; null where nothing was measured lately. */
const spread = z.object({ p50: z.number().nullable(), p95: z.number().nullable() });
const ofClass = z.object({ waiting: count, running: count, preempted: count });

export const schedulerSchema = z.object({
  object: z.literal('scheduler'),
  limits: z.object({
    batch_window_ms: count,
    max_batch_sequences: count,
    max_queue: count,
    /** 0 = no bound of its own, here and below. */
    max_queue_per_key: count,
    max_running_per_key: count,
    max_queue_ms: count,
    /** `now`: what the next step takes of prompts beside sequences that decode. */
    prefill_chunk_tokens: z.object({ min: count, max: count, now: count }),
    decode_share: count,
    step_gap_ms: count,
    ageing_ms: count,
    reserve_tokens: count,
    min_shared_prefill_tokens: count,
  }),
  queue: z.object({
    waiting: count,
    running: count,
    preempted: count,
    by_class: z.object({ interactive: ofClass, batch: ofClass }),
    /** How long a request that comes now would wait, as far as can be told. */
    projected_delay_ms: count,
  }),
  totals: z.object({
    requests: z.object({ submitted: count, finished: count, cancelled: count, failed: count, refused: count, preempted: count }),
    tokens: z.object({ prompt: count, cached: count, restored: count, generated: count }),
    steps: count,
    /** Of wall time that steps took inside the native engine. */
    step_ms: count,
  }),
  rates: z.object({
    /** Of wall time that tokens, steps and gaps are of; `ttft_ms` and `queue_ms` are of the last minute. */
    span_ms: count,
    decode_tokens_per_second: count,
    prefill_tokens_per_second: count,
    step_ms: spread,
    inter_token_ms: spread,
    ttft_ms: spread,
    queue_ms: spread,
  }),
  pool: z.object({ total_bytes: count, used_bytes: count, pressure: z.enum(['none', 'low', 'high', 'critical']) }),
  sequences: z.array(
    z.object({
      id: count,
      /** Null for a client's own session, and for an agent that the caller does not see. */
      agent: z.string().nullable(),
      /** First digits of the API key's hash; `local` without one. */
      key: z.string(),
      class: z.enum(PRIORITIES),
      state: z.enum(['waiting', 'starting', 'prefill', 'decode', 'held', 'preempted']),
      prompt_tokens: count,
      cached_tokens: count,
      kv_tokens: count,
      output_tokens: count,
      max_tokens: count,
      tokens_per_second: count,
      /** Since the request came. */
      age_ms: count,
      waited_ms: count,
      ttft_ms: count.nullable(),
    }),
  ),
});
const limit = z.int().min(0).max(1_000_000);
const milliseconds = z.number().min(0).max(86_400_000);

/** PATCH /v1/admin/scheduler: what is to change. */
export const limitsChangeSchema = z.strictObject({
  batch_window_ms: z.int().min(0).max(1_000).optional(),
  max_batch_sequences: z.int().min(1).max(256).optional(),
  max_queue: limit.min(1).optional(),
  max_queue_per_key: limit.optional(),
  max_running_per_key: limit.optional(),
  max_queue_ms: milliseconds.optional(),
  prefill_chunk_tokens: z.strictObject({ min: limit.min(1).optional(), max: limit.min(1).optional() }).optional(),
  decode_share: z.number().min(0.1).max(0.95).optional(),
  step_gap_ms: z.number().min(0).max(10_000).optional(),
  ageing_ms: milliseconds.optional(),
  reserve_tokens: limit.min(1).optional(),
  min_shared_prefill_tokens: limit.optional(),
});
export type LimitsChange = z.output<typeof limitsChangeSchema>;

export type SchedulerBody = z.output<typeof schedulerSchema>;
