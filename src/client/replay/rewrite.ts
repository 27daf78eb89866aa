/** A recorded request as it is sent again. */
import { fields, parsed } from '../../adapters/recordings/answer.js';
import type { Exchange } from '../../adapters/recordings/format.js';
import { idsIn, pathWithIds, withIds } from '../../adapters/recordings/ids.js';

export interface Overrides {
  /** In place of the one that was asked for. */
  readonly model: string | null;
  /** Answers get no longer than that. */
  readonly maxTokens: number | null;
}

export interface Resent {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Null where there was none. */
  readonly body: string | null;
}

/** How each dialect says how long an answer may be. */
const LENGTHS: readonly (readonly [RegExp, string])[] = [
  [/^\/v1\/chat\/completions$/, 'max_completion_tokens'],
  [/^\/v1\/responses$/, 'max_output_tokens'],
  [/^\/v1\/(?:completions|messages|agents\/[^/]+\/generate)$/, 'max_tokens'],
];

/** Where nothing is known of how it was sampled, as of what others recorded. */
const SEED_OF_OTHERS = '0';

/**
 * `ids`: what the target made in place of what was made then. Seeds are the recorded ones, by a header of ours, since some dialects have no field for
 * them; keys are made up, one for each there was, so that the same requests share what they shared.
 */
export function rewrite(exchange: Exchange, ids: ReadonlyMap<string, string>, overrides: Overrides, apiKey: string): Resent {
  const { method, body, caller, generations, headers } = exchange;
  const path = pathWithIds(exchange.path, ids);
  const key = apiKey === '' && caller > 0 ? `replayed-${caller}` : apiKey;
  return {
    method,
    path,
    headers: {
      ...headers,
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      'x-semantic-seed': generations[0]?.seed ?? SEED_OF_OTHERS,
      'x-semantic-detail': 'generation',
    },
    body: body === null || body === undefined ? null : JSON.stringify(changed(withIds(body, ids), path.split('?')[0]!, overrides)),
  };
}

function changed(body: unknown, path: string, { model, maxTokens }: Overrides): unknown {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return body;
  const given = fields(body);
  const name = LENGTHS.find(([route]) => route.test(path))?.[1];
  const said = name === undefined ? undefined : (given[name] ?? given['max_tokens']);
  const length =
    maxTokens === null || name === undefined ? {} : { [name]: Math.min(maxTokens, typeof said === 'number' ? said : Infinity) };
  return { ...given, ...(model === null || given['model'] === undefined ? {} : { model }), ...length };
}

/** Adds what the target made for an answer in place of what had been made: the first of a kind for the first, and so on. */
export function learnIds(
  ids: Map<string, string>,
  was: Pick<Exchange, 'answer' | 'events'>,
  is: Pick<Exchange, 'answer' | 'events'>,
): void {
  const before = byKind(was);
  const now = byKind(is);
  for (const [kind, values] of before)
    values.forEach((value, i) => {
      const other = now.get(kind)?.[i];
      if (other !== undefined && other !== value) ids.set(value, other);
    });
}

function byKind({ answer, events }: Pick<Exchange, 'answer' | 'events'>): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  for (const { kind, value } of idsIn(events === null ? answer : events.flatMap(({ data }) => parsed(data)))) {
    kinds.set(kind, [...(kinds.get(kind) ?? []), value]);
  }
  return kinds;
}
