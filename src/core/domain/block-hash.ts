/**
 * The identity of a block: a chain of hashes over fingerprint, previous block and the block's own token ids. Equal hashes mean
 * equal KV: the same weights, tokenizer, RoPE and KV format (the fingerprint) have read the same tokens from the start.
 */
import { sha256 } from './sha256.js';

/** 64 hex digits. */
export type BlockHash = string;

/** What the first block has for a previous one: it carries the fingerprint into every hash of the chain. */
export function chainStart(fingerprint: string): BlockHash {
  return sha256(new TextEncoder().encode(fingerprint));
}

export function blockHash(previous: BlockHash, tokens: Int32Array): BlockHash {
  const bytes = new Uint8Array(previous.length / 2 + 4 * tokens.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < previous.length; i += 8) view.setUint32(i / 2, Number.parseInt(previous.slice(i, i + 8), 16));
  const start = previous.length / 2;
  tokens.forEach((token, i) => view.setInt32(start + 4 * i, token, true));
  return sha256(bytes);
}
