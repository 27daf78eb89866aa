/** Ids and seals that a server made for an answer, and that its client sends back with the next request. */

/** Fields that hold them, in any dialect. */
const ID_FIELDS: ReadonlySet<string> = new Set([
  'id',
  'call_id',
  'item_id',
  'response_id',
  'tool_use_id',
  'tool_call_id',
  'previous_response_id',
]);
/** What only the server that wrote it can read: thoughts. */
const SEAL_FIELDS: ReadonlySet<string> = new Set(['signature', 'encrypted_content']);

export interface MadeId {
  /** Ids of one kind stand in the same order in two answers that say the same: `call`, `resp`, `signature`, ... */
  readonly kind: string;
  readonly value: string;
}

/** Each once, in the order in which they come. */
export function idsIn(value: unknown): MadeId[] {
  const found = new Map<string, MadeId>();
  walk(value, (field, text) => {
    if (text === '' || found.has(text)) return;
    if (ID_FIELDS.has(field)) found.set(text, { kind: /^[a-z]+(?=[-_])/.exec(text)?.[0] ?? 'id', value: text });
    else if (SEAL_FIELDS.has(field)) found.set(text, { kind: field, value: text });
  });
  return [...found.values()];
}

/** The same value with every string that is a key of `ids` exchanged for what stands there; in paths, every segment. */
export function withIds<T>(value: T, ids: ReadonlyMap<string, string>): T {
  if (ids.size === 0) return value;
  return exchanged(value, ids) as T;
}

function exchanged(value: unknown, ids: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return ids.get(value) ?? value;
  if (Array.isArray(value)) return value.map((item) => exchanged(item, ids));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, exchanged(item, ids)]));
}

export function pathWithIds(path: string, ids: ReadonlyMap<string, string>): string {
  const [route = '/', query] = path.split('?', 2);
  const segments = route.split('/').map((segment) => {
    const other = ids.get(decoded(segment));
    return other === undefined ? segment : encodeURIComponent(other);
  });
  return query === undefined ? segments.join('/') : `${segments.join('/')}?${query}`;
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function walk(value: unknown, see: (field: string, text: string) => void): void {
  if (Array.isArray(value)) for (const item of value) walk(item, see);
  else if (typeof value === 'object' && value !== null) {
    for (const [field, item] of Object.entries(value)) {
      if (typeof item === 'string') see(field, item);
      else walk(item, see);
    }
  }
}
