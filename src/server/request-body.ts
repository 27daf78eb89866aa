/** A JSON body against its schema: the first thing wrong with it, as what was wanted and what was got. */
import type { z } from 'zod';
import { suggest } from '../adapters/suggest/suggest.js';
import { SemanticError } from '../core/domain/errors.js';
import { nextTurn } from '../core/domain/in-slices.js';

/** `at`: the field that `json` is the value of; "" = it is the body itself. */
export function parseBody<T extends z.ZodObject>(schema: T, json: unknown, at = ''): z.output<T> {
  const parsed = schema.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue?.code === 'unrecognized_keys') throw unknownField(issue.keys[0] ?? '', Object.keys(schema.shape));
  const param = (issue?.path ?? [])
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i === 0 && at === '' ? '' : '.'}${String(part)}`))
    .join('');
  const wanted = (issue?.message ?? 'not valid').replace(/, received \w+$/, '');
  throw invalidField(at + param === '' ? 'body' : at + param, `${wanted}, got ${shown(json, issue?.path ?? [])}`);
}

/** The same of a conversation, which may be large: what is made of it has a turn of the event loop of its own. */
export async function parseConversation<T extends z.ZodObject>(schema: T, json: unknown): Promise<z.output<T>> {
  const body = parseBody(schema, json);
  await nextTurn();
  return body;
}

export function invalidField(param: string, what: string): SemanticError {
  return new SemanticError('InvalidRequest', `${param}: ${what}`, { param });
}

function unknownField(name: string, known: readonly string[]): SemanticError {
  const hint = suggest(name, known) ?? `Known are ${known.join(', ')}.`;
  return new SemanticError('InvalidRequest', `${name.slice(0, SHOWN_CHARACTERS)}: there is no such field here.`, { param: name, hint });
}

const SHOWN_CHARACTERS = 60;

/** The value at `path`, short enough for a message. */
function shown(json: unknown, path: readonly PropertyKey[]): string {
  const value = path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | null | undefined)?.[key], json);
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}
