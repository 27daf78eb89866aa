/** What the workload stores, as pure functions of a name and a number: whoever checks needs no copy of what was written. */
import { createHash } from 'node:crypto';

/** @typedef {import('../../../src/core/domain/kv-block.js').KvBlock} KvBlock */

export const FINGERPRINT = 'faults-1';
export const KINDS = [0, 1];
const BLOCK_TOKENS = 256;
/** Blocks of a chain that have all their tokens; the one behind them has fewer. */
const FULL_BLOCKS = 6;

/** @param {string} text @returns {string} 64 hex digits */
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

/** Two chains of one family share their first two blocks, as agents share a system prompt. @param {string} chain @param {number} index */
const nameOf = (chain, index) => `${index < 2 ? chain[0] : chain}.${index}`;

/** @param {string} chain @param {number} index @returns {KvBlock} */
export function blockOf(chain, index) {
  const name = nameOf(chain, index);
  const count = index < FULL_BLOCKS ? BLOCK_TOKENS : 100;
  const tokens = Int32Array.from({ length: count }, (_, i) => (Number.parseInt(sha256(name).slice(0, 4), 16) + i * 7) % 49_152);
  return { hash: sha256(`block ${name}`), parent: index === 0 ? sha256('start') : blockOf(chain, index - 1).hash, index, tokens };
}

/** Pages, and parts of pages. @param {number} kind */
export function imageBytes(kind) {
  return kind === 0 ? 12_288 : 5_000;
}

/** @param {string} hash @param {number} kind @returns {Uint8Array} */
export function imageOf(hash, kind) {
  const bytes = Buffer.alloc(imageBytes(kind));
  for (let at = 0, part = 0; at < bytes.length; at += 64, part++)
    createHash('sha512').update(`${hash}.${kind}.${part}`).digest().copy(bytes, at);
  return bytes;
}
