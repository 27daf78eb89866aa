/** Agents as JSON: what the daemon writes and its client reads. Times are seconds since 1970. */
import { z } from 'zod';
import { MISS_CAUSES } from '../core/domain/cache-report.js';

const missSchema = z.object({
  cause: z.enum(MISS_CAUSES),
  token: z.number(),
  before: z.string(),
  was: z.string(),
  now: z.string(),
});
export type MissBody = z.output<typeof missSchema>;

const reportSchema = z.object({
  prompt_tokens: z.number(),
  cached_tokens: z.number(),
  created_tokens: z.number(),
  source: z.enum(['memory', 'disk', 'none']),
  miss: missSchema.nullable(),
});
export type ReportBody = z.output<typeof reportSchema>;

export const agentSchema = z.object({
  object: z.literal('agent'),
  id: z.string(),
  parent: z.string().nullable(),
  children: z.array(z.string()),
  /** Whose requests make its turns; null for those of the agent API. */
  client: z.string().nullable(),
  state: z.enum(['idle', 'waiting', 'running']),
  created_at: z.number(),
  used_at: z.number(),
  turns: z.number(),
  tokens: z.number(),
  fingerprint: z.string(),
  kv: z.object({ memory_tokens: z.number(), disk_tokens: z.number(), memory_bytes: z.number(), disk_bytes: z.number() }),
  policy: z.object({
    persist: z.enum(['none', 'ram', 'disk']),
    ttl_seconds: z.number().nullable(),
    pinned: z.boolean(),
    max_tokens: z.number().nullable(),
  }),
  usage: z.object({ prompt_tokens: z.number(), cached_tokens: z.number(), completion_tokens: z.number() }),
  /** What became of the last turn's prompt; null before the first. */
  cache: reportSchema.nullable(),
  /** Rules of canonical text that changed something of the last turn. */
  canonical_rules: z.array(z.string()),
});
export type AgentBody = z.output<typeof agentSchema>;

export const agentDetailSchema = agentSchema.extend({
  messages: z.array(z.looseObject({ role: z.string(), content: z.string().nullable() })),
  tools: z.array(z.unknown()),
  restore_points: z.array(z.object({ messages: z.number(), tokens: z.number(), at: z.number() })),
});
export type AgentDetailBody = z.output<typeof agentDetailSchema>;

export const agentListSchema = z.object({ object: z.literal('list'), data: z.array(agentSchema) });

export const removedAgentSchema = z.object({
  object: z.literal('agent.removed'),
  id: z.string(),
  purged: z.boolean(),
  dry_run: z.boolean(),
  blocks: z.number(),
  bytes: z.number(),
});
export type RemovedAgentBody = z.output<typeof removedAgentSchema>;
