/**
 * Rows of the index. A row is bytes: checksum (8), kind of record (1), length of its JSON (4), JSON, tokens. The checksum covers the
 * row's number too, so a flipped bit, a row cut short, and a row at another's place are all noticed.
 */
import { createHash } from 'node:crypto';

import type { AgentContext } from '../../core/domain/agent.js';
import type { BlockHash } from '../../core/domain/block-hash.js';
import { tokensFromBytes } from './token-text.js';

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
  | { readonly type: 'agent'; readonly agent: Omit<AgentContext, 'tokens'>; readonly tokens: Int32Array }
  /** What the governor has counted. `day`: whole days since 1970 in UTC. */
  | { readonly type: 'day'; readonly day: number; readonly bytes: number }
  /** Rows of blocks, least recently used first; written when the store is closed. */
  | { readonly type: 'recency'; readonly blocks: readonly number[] };

/** The place in this list is on disk: append only. */
const TYPES: readonly StoreRecord['type'][] = ['block', 'extent', 'own', 'pin', 'agent', 'day', 'recency'];
const CHECKSUM_BYTES = 8;
const HEAD_BYTES = CHECKSUM_BYTES + 1 + 4;

export function encodeRecord(id: number, record: StoreRecord): Uint8Array {
  const { type, ...fields } = record;
  const tokens = 'tokens' in record ? record.tokens : new Int32Array(0);
  const json = Buffer.from(JSON.stringify({ ...fields, tokens: undefined }));
  const row = Buffer.alloc(HEAD_BYTES + json.length + 4 * tokens.length);
  row.writeUInt8(TYPES.indexOf(type), CHECKSUM_BYTES);
  row.writeUInt32LE(json.length, CHECKSUM_BYTES + 1);
  json.copy(row, HEAD_BYTES);
  for (const [i, token] of tokens.entries()) row.writeInt32LE(token, HEAD_BYTES + json.length + 4 * i);
  checksum(id, row).copy(row);
  return row;
}

/** Null for a row that is damaged. */
export function decodeRecord(id: number, row: Uint8Array): StoreRecord | null {
  const bytes = Buffer.from(row.buffer, row.byteOffset, row.byteLength);
  if (bytes.length < HEAD_BYTES || !checksum(id, bytes).equals(bytes.subarray(0, CHECKSUM_BYTES))) return null;
  const type = TYPES[bytes.readUInt8(CHECKSUM_BYTES)];
  const jsonEnd = HEAD_BYTES + bytes.readUInt32LE(CHECKSUM_BYTES + 1);
  if (type === undefined || jsonEnd > bytes.length) return null;
  const fields = JSON.parse(bytes.toString('utf8', HEAD_BYTES, jsonEnd)) as object;
  const tokens = type === 'block' || type === 'agent' ? { tokens: tokensFromBytes(bytes.subarray(jsonEnd)) } : {};
  return { type, ...fields, ...tokens } as StoreRecord;
}

function checksum(id: number, row: Buffer): Buffer {
  return createHash('sha256').update(`${id}:`).update(row.subarray(CHECKSUM_BYTES)).digest().subarray(0, CHECKSUM_BYTES);
}
