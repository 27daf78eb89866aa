/**
 * The identity of a block: a chain of hashes over fingerprint, previous block and the block's own token ids. Equal hashes mean
 * equal KV: the same weights, tokenizer, RoPE and KV format (the fingerprint) have read the same tokens from the start.
 */

/** 64 hex digits. */
export type BlockHash = string;

/** SHA-256 in hex; handed in, since the domain uses nothing of Node. */
export type Sha256 = (bytes: Uint8Array) => BlockHash;

/** What the first block has for a previous one: it carries the fingerprint into every hash of the chain. */
export function chainStart(sha256: Sha256, fingerprint: string): BlockHash {
  return sha256(new TextEncoder().encode(fingerprint));
}

export function blockHash(sha256: Sha256, previous: BlockHash, tokens: Int32Array): BlockHash {
  const start = previous.length / 2;
  const bytes = new Uint8Array(start + 4 * tokens.length);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < start; i += 4) view.setUint32(i, Number.parseInt(previous.slice(2 * i, 2 * i + 8), 16));
  for (let i = 0; i < tokens.length; i++) view.setInt32(start + 4 * i, tokens[i]!, true);
  return sha256(bytes);
}
