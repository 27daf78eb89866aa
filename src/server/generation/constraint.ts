/** The fields that say what an answer has to be: `response_format`, and two that vLLM spells the same way. */
import { z } from 'zod';
import type { OutputConstraint } from '../../core/domain/output-constraint.js';
import { invalidField } from '../request-body.js';

const schema = z.union([z.record(z.string(), z.unknown()), z.boolean()], { error: 'wanted a JSON schema' });

const responseFormat = z.discriminatedUnion(
  'type',
  [
    z.looseObject({ type: z.literal('text') }),
    z.looseObject({ type: z.literal('json_object') }),
    z.looseObject({
      type: z.literal('json_schema'),
      json_schema: z.looseObject({ name: z.string().nullish(), schema, strict: z.boolean().nullish() }),
    }),
  ],
  { error: 'wanted an object with the type text, json_object or json_schema' },
);

export const constraintFields = {
  response_format: responseFormat.nullish(),
  guided_regex: z.string().nullish(),
  guided_grammar: z.string().nullish(),
};

const constraintSchema = z.object(constraintFields);

/** Null: anything. One of them at most. */
export function toConstraint(body: z.output<typeof constraintSchema>): OutputConstraint | null {
  const { response_format: format, guided_regex: pattern, guided_grammar: source } = body;
  const given: { readonly field: string; readonly constraint: OutputConstraint }[] = [];
  if (format?.type === 'json_object') given.push({ field: 'response_format', constraint: { kind: 'json_object' } });
  if (format?.type === 'json_schema') {
    given.push({ field: 'response_format', constraint: { kind: 'json_schema', schema: format.json_schema.schema } });
  }
  if (typeof pattern === 'string') given.push({ field: 'guided_regex', constraint: { kind: 'regex', pattern } });
  if (typeof source === 'string') given.push({ field: 'guided_grammar', constraint: { kind: 'grammar', source } });
  const [first, second] = given;
  if (second !== undefined) throw invalidField(second.field, `wanted one constraint, got ${given.map(({ field }) => field).join(' and ')}`);
  return first?.constraint ?? null;
}
