/** /v1/admin/models: what is in memory, and how models are exchanged. The daemon writes these bodies, commands read them. */
import { z } from 'zod';

export const SWAP_STATES = [
  'preparing',
  'draining',
  'persisting',
  'unloading',
  'loading',
  'resuming',
  'done',
  'rolling_back',
  'rolled_back',
  'failed',
] as const;

const state = z.enum(SWAP_STATES);

/** Milliseconds. */
export const swapSchema = z.object({
  object: z.literal('model.swap'),
  id: z.string(),
  from: z.string().nullable(),
  to: z.string(),
  state,
  states: z.array(z.object({ state, ms: z.number() })),
  ms: z.number(),
  /** Answers that were cut when the time to end was over. */
  cut: z.number(),
  error: z.string().nullable(),
});
export type SwapBody = z.output<typeof swapSchema>;

export const swapListSchema = z.object({ object: z.literal('list'), data: z.array(swapSchema) });

export const residentSchema = z.object({
  object: z.literal('model.resident'),
  id: z.string(),
  current: z.boolean(),
  pinned: z.boolean(),
  /** On its way out: it admits nothing new. */
  leaving: z.boolean(),
  context_length: z.number(),
  fingerprint: z.string(),
  weight_bytes: z.number(),
  kv_budget_bytes: z.number(),
  kv_used_bytes: z.number(),
  /** Seconds since 1970. */
  loaded_at: z.number(),
  idle_ms: z.number(),
});
export type ResidentBody = z.output<typeof residentSchema>;

export const residentListSchema = z.object({
  object: z.literal('list'),
  /** `swapping`: requests wait for a model; `empty`: none is in memory. */
  state: z.enum(['ready', 'swapping', 'empty']),
  /** Requests that wait for a model. */
  waiting: z.number(),
  data: z.array(residentSchema),
});
export type ResidentListBody = z.output<typeof residentListSchema>;

const model = z.string().min(1).max(4_096);

export const swapRequestSchema = z.strictObject({
  model,
  /** How long running answers may take to end; as configured where nothing is said. */
  drain_seconds: z.number().min(0).max(86_400).nullish(),
  /** Its states as server-sent events. */
  stream: z.boolean().nullish(),
});
export const modelRequestSchema = z.strictObject({ model });
export const pinRequestSchema = z.strictObject({ model, pinned: z.boolean().nullish() });
