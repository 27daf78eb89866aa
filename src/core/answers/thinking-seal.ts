/** Signs what a model thought, so that it is known again as its own when a client sends it back. */
import { createHmac, timingSafeEqual } from 'node:crypto';

export class ThinkingSeal {
  /** `secret`: at least 32 bytes, the same for as long as seals are to be known. */
  constructor(private readonly secret: Uint8Array) {}

  readonly sign = (thinking: string): string => createHmac('sha256', this.secret).update(thinking).digest('base64');

  isOurs(thinking: string, signature: string): boolean {
    const [ours, theirs] = [Buffer.from(this.sign(thinking)), Buffer.from(signature)];
    return ours.length === theirs.length && timingSafeEqual(ours, theirs);
  }
}
