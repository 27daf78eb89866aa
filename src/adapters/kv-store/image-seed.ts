import type { BlockHash } from '../../core/domain/block-hash.js';

/** Odd constants of splitmix64: they spread small numbers over all 64 bits. */
const KIND_FACTOR = 0x9e3779b97f4a7c15n;
const COUNT_FACTOR = 0xbf58476d1ce4e5b9n;

/**
 * Start value of an image's XXH64: its whole identity goes in, so the bytes of one image never have the checksum of another, even
 * where both are intact.
 */
export function imageSeed(hash: BlockHash, kind: number, tokens: number): bigint {
  const head = BigInt(`0x${hash.slice(0, 16)}`);
  return BigInt.asUintN(64, head ^ (BigInt(kind + 1) * KIND_FACTOR) ^ (BigInt(tokens) * COUNT_FACTOR));
}
