/** Every metric there is: docs/observability.md has the same table, and a test compares the two. */

/** From a millisecond to two minutes: a first token may be cached, or wait behind a queue. */
const TTFT = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];
const GAPS = [0.001, 0.0025, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1, 2];
const REQUESTS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600];
const BATCHES = [1, 2, 4, 8, 16, 32, 64];
const WRITES = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const SWAPS = [0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300];

export interface Definition {
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly labels: readonly string[];
  readonly help: string;
  readonly buckets?: readonly number[];
}

export const METRICS = {
  semantic_request_total: {
    type: 'counter',
    labels: ['model', 'status'],
    help: 'Requests that are over: ok, or the code of what ended them.',
  },
  semantic_request_duration_seconds: {
    type: 'histogram',
    labels: ['model'],
    buckets: REQUESTS,
    help: 'From arrival to the end of the answer, of requests that were ok.',
  },
  semantic_time_to_first_token_seconds: { type: 'histogram', labels: ['model'], buckets: TTFT, help: 'From arrival to the first token.' },
  semantic_inter_token_seconds: { type: 'histogram', labels: ['model'], buckets: GAPS, help: 'Between two tokens of one answer.' },
  semantic_request_queue_depth: { type: 'gauge', labels: ['model'], help: 'Requests that wait for their turn.' },
  semantic_requests_running: { type: 'gauge', labels: ['model'], help: 'Requests in the batch.' },
  semantic_batch_size: { type: 'histogram', labels: ['model'], buckets: BATCHES, help: 'Sequences in a step.' },
  semantic_tokens_generated_total: { type: 'counter', labels: ['model'], help: 'Tokens sampled.' },
  semantic_tokens_prefilled_total: { type: 'counter', labels: ['model'], help: 'Tokens of prompts that were computed.' },
  semantic_tokens_per_second: { type: 'gauge', labels: ['model', 'phase'], help: 'Of the last five seconds, prefill and decode.' },
  semantic_memory_used_bytes: {
    type: 'gauge',
    labels: ['kind'],
    help: 'weights and kv of the engine, heap of JavaScript, resident of the process.',
  },
  semantic_memory_budget_bytes: { type: 'gauge', labels: [], help: 'What weights, KV and scratch may take together.' },
  semantic_cache_hit_total: { type: 'counter', labels: ['model'], help: 'Prompts of which KV was found.' },
  semantic_cache_miss_total: {
    type: 'counter',
    labels: ['model', 'cause'],
    help: 'Prompts of which less was found than was there before, or nothing, by cause.',
  },
  semantic_cached_tokens_ratio: {
    type: 'gauge',
    labels: ['model'],
    help: 'Of all tokens of prompts since the start, those whose KV was there.',
  },
  semantic_pool_utilization_ratio: { type: 'gauge', labels: ['model'], help: 'KV blocks in use, running and kept, of all there are.' },
  semantic_eviction_total: {
    type: 'counter',
    labels: ['model', 'tier'],
    help: 'What made way to others: kept sequences from memory, blocks from disk.',
  },
  semantic_agents_active: { type: 'gauge', labels: [], help: 'Agents there are.' },
  semantic_agent_tokens_total: {
    type: 'counter',
    labels: ['agent', 'kind'],
    help: 'Tokens of each agent: prompt, cached and completion. Only with metrics.agent_ids.',
  },
  semantic_model_swap_duration_seconds: {
    type: 'histogram',
    labels: ['outcome'],
    buckets: SWAPS,
    help: 'Exchanges of models: done, rolled_back, failed.',
  },
  semantic_cache_persist_duration_seconds: {
    type: 'histogram',
    labels: ['model'],
    buckets: WRITES,
    help: 'Writing the new KV of one turn to disk.',
  },
  semantic_cache_bytes_written_total: { type: 'counter', labels: ['model'], help: 'KV written to disk.' },
  semantic_store_bytes: { type: 'gauge', labels: ['kind'], help: 'KV on disk: live, dead until compaction, and the most there may be.' },
  semantic_store_suspended: { type: 'gauge', labels: [], help: '1 while nothing can be written to disk.' },
  semantic_cancelled_total: { type: 'counter', labels: ['model'], help: 'Requests whose client went away or gave up.' },
  semantic_rejected_total: {
    type: 'counter',
    labels: ['model', 'reason'],
    help: 'Requests that never came into the queue, by the code of the refusal.',
  },
  semantic_event_loop_lag_seconds: {
    type: 'gauge',
    labels: ['percentile'],
    help: 'Delay of the event loop since the last scrape: 50, 99 and 100.',
  },
  semantic_up_seconds: { type: 'gauge', labels: [], help: 'Since the start.' },
} as const satisfies Readonly<Record<`semantic_${string}`, Definition>>;

export type MetricName = keyof typeof METRICS;
