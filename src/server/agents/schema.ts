/** Bodies and queries of the agent routes. Ours alone, so an unknown field is a mistake and is told. */
import { z } from 'zod';
import { generationFields, messageSchema } from '../generation/fields.js';

const policyFields = {
  persist: z.enum(['none', 'ram', 'disk'], { error: 'wanted "none", "ram" or "disk"' }).optional(),
  ttl_seconds: z.number().positive().nullish(),
  pinned: z.boolean().optional(),
  /** Quota; null = what the context allows. */
  max_tokens: z.int().min(1).nullish(),
};
const id = z.string().optional();
const queryFlag = z.enum(['true', 'false'], { error: 'wanted true or false' }).optional();

export const createSchema = z.strictObject({
  id,
  system: z.string().min(1).optional(),
  messages: z.array(messageSchema).optional(),
  tools: z.array(z.unknown()).optional(),
  ...policyFields,
});

export const turnSchema = z.strictObject({
  input: z.string().min(1).optional(),
  messages: z.array(messageSchema).min(1).optional(),
  busy: z.enum(['wait', 'fork'], { error: 'wanted "wait" or "fork"' }).nullish(),
  /** Who answers, of those in memory; the current one where nothing is said. */
  model: z.string().min(1).nullish(),
  ...generationFields,
});
export type TurnBody = z.output<typeof turnSchema>;

export const policySchema = z.strictObject(policyFields);
export type PolicyBody = z.output<typeof policySchema>;
export const forkSchema = z.strictObject({ id, ...policyFields });
export const rewindSchema = z.strictObject({ turns: z.int().min(1).optional(), messages: z.int().min(0).optional() });
export const pinSchema = z.strictObject({ pinned: z.boolean().optional() });
export const removeQuerySchema = z.strictObject({ purge: queryFlag, dry_run: queryFlag });
export const importQuerySchema = z.strictObject({ id });
