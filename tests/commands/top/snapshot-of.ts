/** Snapshots as a daemon could give them. */
import type { AgentBody } from '../../../src/client/agent-bodies.js';
import type { Snapshot } from '../../../src/commands/top/snapshot.js';

type Sequence = Snapshot['scheduler']['sequences'][number];

export const NOW = 1_800_000_000;

export function sequence(id: number, fields: Partial<Sequence> = {}): Sequence {
  return {
    id,
    agent: null,
    key: 'local',
    class: 'interactive',
    state: 'decode',
    prompt_tokens: 100,
    cached_tokens: 60,
    kv_tokens: 120,
    output_tokens: 20,
    max_tokens: 256,
    tokens_per_second: 40.25,
    age_ms: 2500,
    waited_ms: 3,
    ttft_ms: 210,
    ...fields,
  };
}

export function agent(id: string, fields: Partial<AgentBody> = {}): AgentBody {
  return {
    object: 'agent',
    id,
    parent: null,
    children: [],
    client: null,
    state: 'idle',
    created_at: NOW - 4000,
    used_at: NOW - 90,
    turns: 2,
    tokens: 500,
    fingerprint: 'f',
    kv: { memory_tokens: 500, disk_tokens: 0, memory_bytes: 500_000, disk_bytes: 0 },
    policy: { persist: 'ram', ttl_seconds: null, pinned: false, max_tokens: null },
    usage: { prompt_tokens: 300, cached_tokens: 100, completion_tokens: 200 },
    cache: null,
    canonical_rules: [],
    ...fields,
  };
}

export function snapshotOf(sequences: readonly Sequence[], agents: readonly AgentBody[], fault: string | null = null): Snapshot {
  const nothing = { p50: null, p95: null };
  const noneOfIt = { waiting: 0, running: 0, preempted: 0 };
  return {
    time: NOW,
    daemon: {
      pid: 42,
      version: '0.1.0',
      model: 'smollm2-135m-instruct',
      uptime_seconds: 200,
      fault,
      resident_bytes: 423e6,
      budget_bytes: 15e9,
      weight_bytes: 98e6,
    },
    scheduler: {
      object: 'scheduler',
      limits: {
        batch_window_ms: 10,
        max_batch_sequences: 16,
        max_queue: 64,
        max_queue_per_key: 0,
        max_running_per_key: 0,
        max_queue_ms: 600_000,
        decode_share: 0.55,
        step_gap_ms: 50,
        ageing_ms: 10_000,
        reserve_tokens: 256,
        min_shared_prefill_tokens: 256,
        prefill_chunk_tokens: { min: 16, max: 512, now: 512 },
      },
      queue: {
        waiting: 0,
        running: sequences.length,
        preempted: 0,
        by_class: { interactive: noneOfIt, batch: noneOfIt },
        projected_delay_ms: 0,
      },
      totals: {
        requests: { submitted: 9, finished: 5, cancelled: 1, failed: 0, refused: 2, preempted: 0 },
        tokens: { prompt: 900, cached: 400, restored: 0, generated: 800 },
        steps: 300,
        step_ms: 6400,
      },
      rates: {
        span_ms: 5000,
        decode_tokens_per_second: 142.4,
        prefill_tokens_per_second: 0,
        step_ms: { p50: 21.4, p95: 24.1 },
        inter_token_ms: { p50: 21.9, p95: 25 },
        ttft_ms: { p50: 120, p95: 1340 },
        queue_ms: nothing,
      },
      pool: { total_bytes: 400e6, used_bytes: 100e6, pressure: 'none' },
      sequences: [...sequences],
    },
    agents,
  };
}
