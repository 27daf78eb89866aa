/** Whose KV it is, and of what model: blocks of one key are never another's. */
import { type BlockHash, chainStart, type Sha256 } from './block-hash.js';

export interface CacheKey {
  /** Of weights, tokenizer, template, positions and KV format. */
  readonly fingerprint: string;
  /** Of one API key; `''` where all share. */
  readonly scope: string;
}

/** What every chain of this key begins with. */
export function chainStartOf({ fingerprint, scope }: CacheKey, sha256: Sha256): BlockHash {
  return chainStart(sha256, JSON.stringify([fingerprint, scope]));
}
