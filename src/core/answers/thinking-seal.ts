/** Signs or encrypts what a model thought, so that it is known again as its own when a client sends it back. */
import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const CIPHER = 'aes-256-gcm';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class ThinkingSeal {
  readonly #key: Uint8Array;

  /** `secret`: at least 32 bytes, the same for as long as seals are to be known. */
  constructor(private readonly secret: Uint8Array) {
    this.#key = createHmac('sha256', secret).update('encrypted thinking').digest();
  }

  readonly sign = (thinking: string): string => createHmac('sha256', this.secret).update(thinking).digest('base64');

  isOurs(thinking: string, signature: string): boolean {
    const [ours, theirs] = [Buffer.from(this.sign(thinking)), Buffer.from(signature)];
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  }

  readonly encrypt = (thinking: string): string => {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(CIPHER, this.#key, nonce);
    const text = Buffer.concat([cipher.update(thinking, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), text]).toString('base64');
  };

  /** Null for what we did not encrypt. */
  decrypt(encrypted: string): string | null {
    const bytes = Buffer.from(encrypted, 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return null;
    const tagEnd = NONCE_BYTES + TAG_BYTES;
    const decipher = createDecipheriv(CIPHER, this.#key, bytes.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
    decipher.setAuthTag(bytes.subarray(NONCE_BYTES, tagEnd));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(tagEnd)), decipher.final()]).toString('utf8');
    } catch {
      return null;
    }
  }
}
