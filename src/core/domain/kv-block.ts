/** A block of KV as the world outside memory knows it: 256 tokens (the last of a chain may have fewer) and what they follow. */
import type { BlockHash } from './block-hash.js';

export interface KvBlock {
  /** Of the whole chain up to and with this block. */
  readonly hash: BlockHash;
  /** Hash of the block before; `chainStart` for the first. */
  readonly parent: BlockHash;
  /** Place in the chain: the first token is token `index * 256`. */
  readonly index: number;
  readonly tokens: Int32Array; // [1..256]
}

/** What is stored of a block: one image per kind of layers (`ModelCacheSpec.kinds`). Windowed kinds may lack where their window had passed. */
export interface KvImageKey {
  readonly hash: BlockHash;
  readonly kind: number;
}
