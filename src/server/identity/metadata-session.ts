/** The session in `metadata.user_id`: a JSON object as text, or, in older clients, `user_<hex>_account_<uuid?>_session_<uuid>`. */
const OLDER = /_session_([A-Za-z0-9-]{1,64})$/;
/** Longer is no identity of anybody; nothing so long is read as JSON. */
const MAX_CHARACTERS = 4096;

/** Null where it names none. */
export function metadataSession(metadata: unknown): string | null {
  const userId = field(metadata, 'user_id');
  if (typeof userId !== 'string' || userId.length > MAX_CHARACTERS) return null;
  const older = OLDER.exec(userId);
  if (older !== null) return older[1]!;
  try {
    const session = field(JSON.parse(userId), 'session_id');
    return typeof session === 'string' ? session : null;
  } catch {
    return null; // a hint that says nothing
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}
