/** API keys as users hold them, and what is kept of them. */
import { createHash, randomBytes } from 'node:crypto';

const PREFIX = 'sk-semantic-';
const RANDOM_BYTES = 32;
const SHOWN_CHARACTERS = PREFIX.length + 4;

export function newSecret(): string {
  return `${PREFIX}${randomBytes(RANDOM_BYTES).toString('base64url')}`;
}

/**
 * One SHA-256 is enough: a slow hash with a salt protects what people make up, and 256 random bits cannot be tried out
 * however fast each try is. A slow one would have to be paid again by every request.
 */
export function hashSecret(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Enough of it to tell keys apart in a list; what is left has 232 random bits. */
export function startOf(secret: string): string {
  return secret.slice(0, SHOWN_CHARACTERS);
}
