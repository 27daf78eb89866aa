/**
 * Rows of the index. A row is bytes: checksum (8), its number (8), kind of record (4), length of its JSON (4), JSON, tokens. A flipped
 * bit, a row cut short, and a row at another's place are all noticed.
 */
import { hash } from 'node:crypto';

import type { AgentContext } from '../../core/domain/agent.js';
import type { BlockHash } from '../../core/domain/block-hash.js';
import { bytesOfTokens, tokensFromBytes } from './token-text.js';

export interface ImageRecord {
  readonly kind: number;
  readonly extent: string;
  readonly offset: number;
  readonly bytes: number;
  readonly checksum: string; // decimal u64
}

export type StoreRecord =
  | {
      readonly type: 'block';
      readonly hash: BlockHash;
      readonly parent: BlockHash;
      readonly index: number;
      readonly fingerprint: string;
      readonly images: readonly ImageRecord[];
      readonly tokens: Int32Array;
    }
  | {
      readonly type: 'extent';
      readonly id: string;
      readonly fingerprint: string;
      readonly fileBytes: number;
      /** Of all images it was written with. */
      readonly imageBytes: number;
    }
  /** Blocks an owner took over with one call; those whose row is newer than this one have been dropped and stored again since. */
  | { readonly type: 'own'; readonly owner: string; readonly hashes: readonly BlockHash[] }
  | { readonly type: 'pin'; readonly owner: string }
  /** `elsewhere`: how many of the tokens, from behind the agent's own on, are of which other model. */
  | {
      readonly type: 'agent';
      readonly agent: Omit<AgentContext, 'tokens' | 'elsewhere'>;
      readonly elsewhere?: readonly { readonly fingerprint: string; readonly length: number }[];
      readonly tokens: Int32Array;
    }
  /** What the governor has counted. `day`: whole days since 1970 in UTC. */
  | { readonly type: 'day'; readonly day: number; readonly bytes: number }
  /** Rows of blocks, least recently used first; written when the store is closed. */
  | { readonly type: 'recency'; readonly blocks: readonly number[] };

/** The place in this list is on disk: append only. */
const TYPES: readonly StoreRecord['type'][] = ['block', 'extent', 'own', 'pin', 'agent', 'day', 'recency'];
const CHECKSUM_BYTES = 8;
const ID_AT = CHECKSUM_BYTES;
const TYPE_AT = ID_AT + 8;
const JSON_LENGTH_AT = TYPE_AT + 4;
const HEAD_BYTES = JSON_LENGTH_AT + 4;
const SPACE = 0x20;

export function encodeRecord(id: number, record: StoreRecord): Uint8Array {
  const { type, ...fields } = record;
  const tokens = 'tokens' in record ? record.tokens : new Int32Array(0);
  const json = Buffer.from(JSON.stringify({ ...fields, tokens: undefined }));
  const jsonBytes = Math.ceil(json.length / 4) * 4; // rows are of whole words, so that tokens can be used where they lie
  const row = Buffer.alloc(HEAD_BYTES + jsonBytes + tokens.byteLength, SPACE);
  row.writeDoubleLE(id, ID_AT);
  row.writeUInt32LE(TYPES.indexOf(type), TYPE_AT);
  row.writeUInt32LE(jsonBytes, JSON_LENGTH_AT);
  json.copy(row, HEAD_BYTES);
  bytesOfTokens(tokens).copy(row, HEAD_BYTES + jsonBytes);
  checksum(row).copy(row);
  return row;
}

/** Null for a row that is damaged. Tokens are a view of the row. */
export function decodeRecord(id: number, row: Uint8Array): StoreRecord | null {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  if (bytes.length < HEAD_BYTES || bytes.length % 4 !== 0 || !checksum(bytes).equals(bytes.subarray(0, CHECKSUM_BYTES))) return null;
  const type = TYPES[bytes.readUInt32LE(TYPE_AT)];
  const jsonEnd = HEAD_BYTES + bytes.readUInt32LE(JSON_LENGTH_AT);
  if (bytes.readDoubleLE(ID_AT) !== id || type === undefined || jsonEnd > bytes.length) return null;
  const fields = JSON.parse(bytes.toString('utf8', HEAD_BYTES, jsonEnd)) as object;
  const tokens = type === 'block' || type === 'agent' ? { tokens: tokensFromBytes(bytes.subarray(jsonEnd)) } : {};
  return { type, ...fields, ...tokens } as StoreRecord;
}

/** The first bytes of a SHA-256 over all that follows them. */
function checksum(row: Buffer): Buffer {
  return hash('sha256', row.subarray(CHECKSUM_BYTES), 'buffer').subarray(0, CHECKSUM_BYTES);
}
