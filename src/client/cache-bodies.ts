/** The KV cache as JSON: what the daemon writes and its client reads. */
import { z } from 'zod';
import { agentSchema } from './agent-bodies.js';

const image = z.object({ kind: z.number(), bytes: z.number(), extent: z.string() });

export const blockSchema = z.object({
  object: z.literal('cache.block'),
  hash: z.string(),
  parent: z.string(),
  index: z.number(),
  tokens: z.number(),
  text: z.string(),
  images: z.array(image),
  owners: z.array(z.string()),
});
export type BlockBody = z.output<typeof blockSchema>;

const tiers = ['memory', 'disk', 'both', 'none'] as const;

export const chainSchema = z.object({
  object: z.literal('cache.chain'),
  agent: agentSchema,
  blocks: z.array(blockSchema.extend({ tier: z.enum(tiers) })),
});
export type ChainBody = z.output<typeof chainSchema>;

export const overviewSchema = z.object({
  object: z.literal('cache'),
  model: z.string(),
  fingerprint: z.string(),
  memory: z.object({
    total_bytes: z.number(),
    used_bytes: z.number(),
    free_bytes: z.number(),
    running_bytes: z.number(),
    pressure: z.string(),
    sequences: z.number(),
    tokens: z.number(),
    shared_blocks: z.number(),
    /** Per layer kind; window null = every token, 0 = layers that recur, whose blocks are whole states. */
    kinds: z.array(
      z.object({ window: z.number().nullable(), layers: z.number(), block_bytes: z.number(), total: z.number(), used: z.number() }),
    ),
  }),
  disk: z.object({
    directory: z.string(),
    state: z.enum(['ready', 'suspended', 'off']),
    reason: z.string().nullable(),
    agents: z.number(),
    blocks: z.number(),
    images: z.number(),
    extents: z.number(),
    bytes: z.number(),
    owned_bytes: z.number(),
    dead_bytes: z.number(),
    quarantined: z.number(),
    written_bytes: z.number(),
    written_today_bytes: z.number(),
    limits: z.object({ max_bytes: z.number(), min_free_bytes: z.number(), max_bytes_per_day: z.number() }),
  }),
  hits: z.object({
    prompt_tokens: z.number(),
    memory_tokens: z.number(),
    disk_tokens: z.number(),
    ratio: z.number(),
    misses: z.record(z.string(), z.number()),
  }),
});
export type OverviewBody = z.output<typeof overviewSchema>;

export const evictedSchema = z.object({
  object: z.literal('cache.evicted'),
  agent: z.string().nullable(),
  to: z.enum(['disk', 'none']),
  dry_run: z.boolean(),
  sequences: z.number(),
  bytes: z.number(),
  written_bytes: z.number(),
});
export type EvictedBody = z.output<typeof evictedSchema>;

export const verifyReportSchema = z.object({
  type: z.literal('report'),
  blocks: z.number(),
  images: z.number(),
  bytes: z.number(),
  damaged: z.array(z.object({ hash: z.string(), kind: z.number(), extent: z.string(), reason: z.string() })),
});
export type VerifyReportBody = z.output<typeof verifyReportSchema>;

export const verifyEventSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('progress'), done: z.number(), total: z.number() }),
  verifyReportSchema,
]);
