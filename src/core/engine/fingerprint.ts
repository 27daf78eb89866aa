/** The identity of everything that KV depends on besides the tokens it is of. Equal fingerprints mean that KV can be exchanged. */
import type { DecoderSpec } from '../domain/decoder-spec.js';
import { sha256 } from './sha256.js';

/** Of how images, and the chains that name them, are made here; raised when either changes. */
export const KV_FORMAT_VERSION = 1;

export interface FingerprintParts {
  /** Hashes of the weights' bytes, and of what decides the ids of a text. */
  readonly weights: string;
  readonly tokenizer: string;
  /** Texts of the chat template, and the tokens it names. */
  readonly template: unknown;
  /** Positions (RoPE), windows and heads among it. */
  readonly spec: DecoderSpec;
  /** Executor, layout and type of the KV: `LoadedModel.kvLayout`. */
  readonly kvLayout: string;
  readonly formatVersion?: number;
}

/** 64 hex digits. */
export function fingerprintOf(parts: FingerprintParts): string {
  return sha256(new TextEncoder().encode(canonicalJson({ formatVersion: KV_FORMAT_VERSION, ...parts })));
}

/** One text for equal values, whatever the order of their fields; numbers that JSON has no form for are spelled out. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'number' && !Number.isFinite(inner)) return { number: String(inner) };
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
