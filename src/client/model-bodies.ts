/** Models as `/v1/admin/models` and `semantic models` show them. */
import { z } from 'zod';

const model = {
  id: z.string(),
  object: z.literal('model'),
  /** `available`: in the catalogue only; `semantic models pull` fetches it. */
  state: z.enum(['resident', 'installed', 'available']),
  /** Of the weights. */
  bytes: z.number(),
  path: z.string().nullable(),
  format: z.enum(['safetensors', 'gguf']).nullable(),
  architecture: z.string().nullable(),
  quantization: z.string().nullable(),
  context_length: z.number().nullable(),
  /** Of its KV, when it was last loaded. */
  fingerprint: z.string().nullable(),
  /** Seconds since 1970. */
  used_at: z.number().nullable(),
  aliases: z.array(z.string()),
  title: z.string().nullable(),
  licence: z.string().nullable(),
  /** Why it cannot be loaded. */
  problem: z.string().nullable(),
};

export const modelSchema = z.object(model);
export type ModelBody = z.output<typeof modelSchema>;
export const modelListSchema = z.object({ object: z.literal('list'), data: z.array(modelSchema) });

export const modelDetailSchema = z.object({
  ...model,
  /** What it was pulled from or made of. */
  source: z.string().nullable(),
  files: z.array(z.object({ path: z.string(), bytes: z.number(), sha256: z.string().nullable() })),
});
export type ModelDetailBody = z.output<typeof modelDetailSchema>;

export const removedModelSchema = z.object({ id: z.string(), object: z.literal('model.removed'), bytes: z.number(), dry_run: z.boolean() });
export type RemovedModelBody = z.output<typeof removedModelSchema>;

export const aliasSchema = z.object({ name: z.string(), model: z.string() });
export const aliasListSchema = z.object({ object: z.literal('list'), data: z.array(aliasSchema) });

export const verifiedSchema = z.object({
  type: z.literal('report'),
  id: z.string(),
  ok: z.boolean(),
  problem: z.string().nullable(),
  files: z.array(
    z.object({
      path: z.string(),
      bytes: z.number(),
      state: z.enum(['whole', 'damaged', 'missing', 'unrecorded']),
      sha256: z.string().nullable(),
    }),
  ),
});
