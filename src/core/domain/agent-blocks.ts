/** The chain of blocks over a list of tokens; all are whole but the last, which may have fewer. Lists are not changed afterwards. */
import { type BlockHash, blockHash, type Sha256 } from './block-hash.js';
import { commonPrefix } from './common-prefix.js';
import { firstSeen } from './first-seen.js';
import type { KvBlock } from './kv-block.js';
import { BLOCK_TOKENS, type ModelCacheSpec } from './model-cache-spec.js';

/** One image of a chain: the KV of block `index` in the layers of a kind. */
export interface BlockImage {
  readonly index: number;
  readonly kind: number;
}

export class AgentBlocks {
  private constructor(
    readonly start: BlockHash,
    readonly tokens: Int32Array,
    readonly blocks: readonly KvBlock[],
    private readonly sha256: Sha256,
  ) {}

  /** `start` is that of the key's chains: see `chainStartOf`. */
  static of(start: BlockHash, tokens: Int32Array, sha256: Sha256): AgentBlocks {
    return new AgentBlocks(start, tokens, [...follow(start, [], tokens, sha256)], sha256);
  }

  /** The chain over `tokens`; only blocks that are not in this one already are hashed. */
  extendedTo(tokens: Int32Array): AgentBlocks {
    const shared = commonPrefix(this.tokens, tokens);
    const wholeBlocks = Math.floor(shared / BLOCK_TOKENS);
    const isSame = shared === this.tokens.length && shared === tokens.length;
    const known = isSame ? this.blocks : this.blocks.slice(0, wholeBlocks);
    return new AgentBlocks(this.start, tokens, [...known, ...follow(this.start, known, tokens, this.sha256)], this.sha256);
  }

  /** What a sequence of the first `length` tokens holds, and needs to go on: global layers all, windowed ones what they still see, recurrent ones their state at its end. */
  imagesAt(length: number, { kinds }: ModelCacheSpec): BlockImage[] {
    if (length < 0 || length > this.tokens.length) throw new Error(`[agent_blocks] length ${length} out of range 0..${this.tokens.length}`);
    return kinds.flatMap(({ recurs, window }, kind) => {
      if (recurs) return length > 0 ? [{ index: Math.ceil(length / BLOCK_TOKENS) - 1, kind }] : [];
      const seen = firstSeen(window, length);
      const first = Math.floor(seen / BLOCK_TOKENS);
      const count = seen < length ? Math.ceil(length / BLOCK_TOKENS) - first : 0;
      return Array.from({ length: count }, (_, i) => ({ index: first + i, kind }));
    });
  }
}

/** The blocks of `tokens` behind the `known` ones. */
function* follow(start: BlockHash, known: readonly KvBlock[], tokens: Int32Array, sha256: Sha256): Generator<KvBlock, void, undefined> {
  let parent = known.at(-1)?.hash ?? start;
  for (let index = known.length; index * BLOCK_TOKENS < tokens.length; index++) {
    const block = tokens.subarray(index * BLOCK_TOKENS, (index + 1) * BLOCK_TOKENS);
    const hash = blockHash(sha256, parent, block);
    yield { hash, parent, index, tokens: block };
    parent = hash;
  }
}
