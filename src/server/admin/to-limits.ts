/** Body of a change of limits -> the scheduler's. */
import { limitsChangeSchema } from '../../client/scheduler-bodies.js';
import type { SchedulerLimits } from '../../core/engine/scheduler-limits.js';
import { invalidField, parseBody } from '../request-body.js';

export function toLimits(json: unknown): Partial<SchedulerLimits> {
  const body = parseBody(limitsChangeSchema, json);
  if (Object.keys(body).length === 0)
    throw invalidField('body', `wanted one of ${Object.keys(limitsChangeSchema.shape).join(', ')}, got none`);
  const change = {
    batchWindowMs: body.batch_window_ms,
    maxBatchSequences: body.max_batch_sequences,
    maxQueue: body.max_queue,
    maxQueuePerKey: body.max_queue_per_key,
    maxRunningPerKey: body.max_running_per_key,
    maxQueueMs: body.max_queue_ms,
    minPrefillTokens: body.prefill_chunk_tokens?.min,
    maxPrefillTokens: body.prefill_chunk_tokens?.max,
    decodeShare: body.decode_share,
    stepGapMs: body.step_gap_ms,
    ageingMs: body.ageing_ms,
    reserveTokens: body.reserve_tokens,
    minSharedPrefillTokens: body.min_shared_prefill_tokens,
  } satisfies { [Name in keyof SchedulerLimits]?: number | undefined };
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined));
}
