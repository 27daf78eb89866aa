/**
 * How much of a prompt can be restored from stored blocks. Whole blocks are found by their hash; behind them the stored block with the
 * longest common start is cut to what it shares. Layers that see all need every block; windowed ones only what the next query sees;
 * recurrent ones the state at the very end, which cannot be cut. So where an image is missing the plan backs off to the longest length at which everything is there.
 */
import type { AgentBlocks } from './agent-blocks.js';
import type { BlockHash } from './block-hash.js';
import { commonPrefix } from './common-prefix.js';
import { firstSeen } from './first-seen.js';
import type { KvBlock, KvImageKey } from './kv-block.js';
import { BLOCK_TOKENS, type ModelCacheSpec } from './model-cache-spec.js';

/** A block as a store has it: `kinds` are those whose image is there. */
export interface RestorableBlock extends KvBlock {
  readonly kinds: readonly number[];
}

/** The lookups of a store. */
export interface BlockLookup {
  get(hash: BlockHash): RestorableBlock | null;
  childrenOf(parent: BlockHash): readonly RestorableBlock[];
}

export interface RestoreOptions {
  readonly prompt: AgentBlocks;
  /** Longest length to restore; less than the prompt's, so that a token is left to prefill. */
  readonly maxTokens: number;
  /** Tokens in memory already, a multiple of 256: images before are not needed, and no plan is shorter. */
  readonly from: number;
  readonly spec: ModelCacheSpec;
  readonly lookup: BlockLookup;
}

export interface RestoreImage extends KvImageKey {
  readonly index: number;
  /** Tokens the image holds, as stored; those of the last block may reach beyond `RestorePlan.tokens`. */
  readonly count: number;
}

export interface RestorePlan {
  /** Length of the sequence in the end: what is loaded beyond is cut off again. */
  readonly tokens: number;
  /** All of `blocks` of kinds that see all, then of windowed kinds what is seen at `tokens`; ascending for each kind. */
  readonly images: readonly RestoreImage[];
  /** From block `from / 256` on, those that are stored: without a gap, but where every kind has a window and it had passed. */
  readonly blocks: readonly RestorableBlock[];
}

type Link = RestorableBlock | null;

/** Null when nothing beyond `from` can be restored. */
export function planRestore({ prompt, maxTokens, from, spec, lookup }: RestoreOptions): RestorePlan | null {
  if (from % BLOCK_TOKENS !== 0) throw new Error(`[restore_plan] from ${from} is no multiple of ${BLOCK_TOKENS}`);
  const end = Math.min(maxTokens, prompt.tokens.length);
  const first = from / BLOCK_TOKENS;
  const whole = wholeBlocks(prompt, first, end, spec, lookup);
  for (let index = first + whole.length; index >= first; index--) {
    const start = index * BLOCK_TOKENS;
    const parent = index === 0 ? prompt.start : prompt.blocks[index - 1]!.hash;
    const before = whole.slice(0, index - first);
    for (const { block, shared } of nearest(lookup.childrenOf(parent), prompt.tokens.subarray(start, end))) {
      const chain = [...before, block];
      const images = imagesOf(start + shared, chain, first, spec);
      if (images !== null) return { tokens: start + shared, images, blocks: chain.filter((link) => link !== null) };
    }
  }
  return null;
}

/** Blocks from `first` on that end before `end` and can be passed: every kind that sees all has its image. Null = not stored. */
function wholeBlocks(prompt: AgentBlocks, first: number, end: number, spec: ModelCacheSpec, lookup: BlockLookup): Link[] {
  const found: Link[] = [];
  for (let index = first; (index + 1) * BLOCK_TOKENS < end; index++) {
    const wanted = prompt.blocks[index]!;
    const block = lookup.get(wanted.hash);
    // The hash finds the block; its ids decide.
    const link = block !== null && commonPrefix(block.tokens, wanted.tokens) === BLOCK_TOKENS ? block : null;
    if (!spec.kinds.every(({ window }, kind) => window !== null || link?.kinds.includes(kind))) break;
    found.push(link);
  }
  return found;
}

/** Those that share a start with `tokens`, the longest first, and of those that share the same the one with least to read. */
function nearest(blocks: readonly RestorableBlock[], tokens: Int32Array): { block: RestorableBlock; shared: number }[] {
  return blocks
    .map((block) => ({ block, shared: commonPrefix(block.tokens, tokens) }))
    .filter(({ shared }) => shared > 0)
    .sort((a, b) => b.shared - a.shared || a.block.tokens.length - b.block.tokens.length);
}

/** What a sequence of `tokens` needs of `chain`, which begins with block `first`; null where an image is missing. */
function imagesOf(tokens: number, chain: readonly Link[], first: number, spec: ModelCacheSpec): RestoreImage[] | null {
  const images: RestoreImage[] = [];
  for (const [kind, { recurs, window }] of spec.kinds.entries()) {
    if (recurs) {
      // A state is of exactly the tokens up to the end of its image.
      const last = chain.at(-1);
      if (!last?.kinds.includes(kind) || last.index * BLOCK_TOKENS + last.tokens.length !== tokens) return null;
      images.push({ hash: last.hash, kind, index: last.index, count: last.tokens.length });
      continue;
    }
    const seen = firstSeen(window, tokens);
    if (seen >= tokens) continue;
    for (const link of chain.slice(Math.max(0, Math.floor(seen / BLOCK_TOKENS) - first))) {
      if (!link?.kinds.includes(kind)) return null;
      images.push({ hash: link.hash, kind, index: link.index, count: link.tokens.length });
    }
  }
  return images;
}
