/** The shape of the configuration. Defaults are not here: config/default.toml holds every number, and must name every key. */
import { z } from 'zod';
import { COMPUTES } from '../../core/domain/compute.js';
import { KV_FORMATS } from '../../core/domain/kv-format.js';

const count = z.int().min(1);
const size = z.int().min(0);
const seconds = z.number().positive().max(86_400);
const share = z.number().min(0).max(1);
const hostName = z.string().regex(/^(?:[\w.-]+|\[[\da-f:.]+\])$/i, 'wanted names or addresses without scheme and port');
/** As browsers write it; `*` and `null` would be anybody. */
const origin = z.string().regex(/^[a-z][a-z\d+.-]*:\/\/[^/*\s]+$/, 'wanted origins as browsers send them, such as "https://example.org"');

export const configSchema = z.strictObject({
  server: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(0).max(65_535),
    socket: z.string(),
    allow_remote: z.boolean(),
    require_keys: z.boolean(),
    allowed_hosts: z.array(hostName),
    cors_origins: z.array(origin),
    max_body_bytes: count,
    max_header_bytes: z.int().min(1_024).max(1_048_576),
    max_connections: count,
    headers_timeout_seconds: seconds,
    receive_timeout_seconds: seconds,
    keep_alive_seconds: seconds,
    slow_reader_seconds: seconds,
    shutdown_timeout_seconds: z.number().min(0).max(86_400),
  }),
  model: z.strictObject({
    default: z.string().min(1),
    aliases: z.array(z.string().min(1)),
    context: size,
    beyond_training: z.boolean(),
    executor: z.enum(['auto', 'mlx', 'cpu']),
    kv_format: z.enum(KV_FORMATS),
    compute: z.enum(['auto', ...COMPUTES]),
    threads: z.int().min(0).max(1_024),
  }),
  models: z.strictObject({
    max_resident: count,
    autoload: z.boolean(),
    ttl_seconds: size,
    drain_seconds: z.number().min(0).max(86_400),
    max_waiting: size,
    wait_seconds: seconds,
  }),
  engine: z.strictObject({
    prefill_chunk_tokens: count,
    max_batch_sequences: count,
    max_queue: count,
    retry_after_seconds: count,
    memory_budget_bytes: size,
    memory_budget_fraction: z.number().positive().max(1),
    scratch_bytes: size,
    buffer_cache_bytes: size,
    instruction_set: z.enum(['auto', 'avx512', 'avx2', 'neon', 'portable']),
    stream_buffer_events: count,
  }),
  embeddings: z.strictObject({
    model: z.string().min(1),
    aliases: z.array(z.string().min(1)),
    ttl_seconds: seconds,
    max_queue: count,
    slice_tokens: count,
    decode_share: z.number().min(0.1).max(0.95),
  }),
  scheduler: z.strictObject({
    batch_window_ms: z.int().min(0).max(1_000),
    max_queue_per_key: size,
    max_running_per_key: size,
    max_queue_seconds: seconds,
    max_retry_after_seconds: count,
    min_prefill_tokens: count,
    decode_share: z.number().min(0.1).max(0.95),
    step_gap_ms: z.number().min(0).max(10_000),
    ageing_seconds: seconds,
    reserve_tokens: count,
    min_shared_prefill_tokens: size,
  }),
  cache: z.strictObject({
    max_agents_in_memory: size,
    budget_mb: size,
    persist: z.enum(['none', 'ram', 'disk']),
    min_reuse_share: share,
    tool_wait_bonus: size,
    restore_points: size,
    restore_point_tokens: size,
    min_persist_tokens: size,
    min_restore_tokens: count,
    share_across_keys: z.boolean(),
    max_histories: count,
    remembered_calls: count,
    remembered_calls_mb: count,
  }),
  store: z.strictObject({
    enabled: z.boolean(),
    directory: z.string(),
    max_mb: count,
    min_free_mb: size,
    max_mb_per_day: count,
    extent_mb: count,
    quarantine_mb: size,
    compaction_share: z.number().positive().max(1),
    retry_seconds: seconds,
  }),
  agents: z.strictObject({
    max: count,
    persist: z.enum(['none', 'ram', 'disk']),
    ttl_seconds: size,
    wire_ttl_seconds: size,
    sweep_seconds: seconds,
    busy: z.enum(['wait', 'fork']),
  }),
  canonical: z.strictObject({
    billing_line: z.boolean(),
    tool_order: z.boolean(),
    early_system: z.boolean(),
    system_in_middle: z.boolean(),
    trailing_whitespace: z.boolean(),
  }),
  responses: z.strictObject({
    persist: z.enum(['ram', 'disk']),
    max_count: count,
    max_mb: count,
  }),
  sampling: z.strictObject({
    temperature: z.number().min(0).max(2),
    top_p: z.number().positive().max(1),
    top_k: size,
    min_p: share,
    repetition_penalty: z.number().positive().max(2),
    max_stop_strings: count,
  }),
  constraints: z.strictObject({
    whitespace: z.enum(['compact', 'bounded']),
    max_indent: z.int().min(0).max(256),
    max_source_bytes: count,
    max_states: count,
    max_readings: count,
    compile_timeout_ms: count,
    max_compiled: count,
    mask_cache_mb: count,
  }),
  template: z.strictObject({ timeout_ms: count }),
  hub: z.strictObject({
    endpoint: z.string().regex(/^https?:\/\/\S+$/, 'wanted an address such as "https://huggingface.co"'),
    parallel: z.int().min(1).max(64),
    piece_mb: z.int().min(1).max(4_096),
    retries: z.int().min(0).max(20),
    timeout_seconds: seconds,
  }),
  client: z.strictObject({ connect_timeout_ms: count, history_entries: size, api_key: z.string().regex(/^\S*$/, 'wanted no white space') }),
  metrics: z.strictObject({ open: z.boolean() }),
  log: z.strictObject({
    level: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'silent']),
    file: z.string(),
    max_mb: count,
  }),
});

export type Config = z.output<typeof configSchema>;
