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

/** A step of an agent's life: its creation, or a turn. */
const stepSchema = z.object({
  /** Counted from 1. */
  step: z.number(),
  kind: z.enum(['creation', 'turn']),
  at: z.number(),
  /** After it. */
  messages: z.number(),
  tokens: z.number(),
  /** New with it: what came in, and the answer. */
  added: z.array(z.looseObject({ role: z.string(), content: z.string().nullable() })),
  /** What was found of its prompt, and why not more; null where it was not noted. */
  cache: reportSchema.nullable(),
  completion_tokens: z.number().nullable(),
  /** What the model read behind the turn before, as it was rendered; null where its ids are not known any more, or its model is not in memory. */
  rendered: z.string().nullable(),
  generated: z.string().nullable(),
  generated_tokens: z.array(z.number()).nullable(),
});
export type StepBody = z.output<typeof stepSchema>;

export const turnsSchema = z.object({ object: z.literal('agent.turns'), id: z.string(), data: z.array(stepSchema) });
export type TurnsBody = z.output<typeof turnsSchema>;

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
