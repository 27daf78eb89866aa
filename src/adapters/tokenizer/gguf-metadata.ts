import type { GgufValue } from '../model-files/gguf-value.js';
import { corrupt } from './json-shape.js';

/** Typed access to the `tokenizer.*` keys of a GGUF file; a wrong type is ModelFileCorrupt. */
export class GgufMetadata {
  constructor(private readonly values: ReadonlyMap<string, GgufValue>) {}

  string(key: string): string | undefined {
    const value = this.values.get(key);
    if (value === undefined || typeof value === 'string') return value;
    throw corrupt(`${key}: wanted a string, got ${describe(value)}`);
  }

  boolean(key: string): boolean | undefined {
    const value = this.values.get(key);
    if (value === undefined || typeof value === 'boolean') return value;
    throw corrupt(`${key}: wanted true or false, got ${describe(value)}`);
  }

  /** A token id below `limit`. */
  tokenId(key: string, limit: number): number | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    // Some writers put -1, as uint32, for "none".
    if (value === -1 || value === 0xffffffff) return undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < limit) return value;
    throw corrupt(`${key}: wanted a token id below ${limit}, got ${describe(value)}`);
  }

  strings(key: string): readonly string[] {
    const value = this.values.get(key);
    if (Array.isArray(value)) return value;
    throw corrupt(`${key}: wanted a list of strings, got ${describe(value)}`);
  }

  /** A list of `length` numbers, or undefined where the file has none. */
  numbers(key: string, length: number): ArrayLike<number> | undefined {
    const value = this.values.get(key);
    if (value === undefined) return undefined;
    if (!ArrayBuffer.isView(value) || value instanceof BigInt64Array || value instanceof BigUint64Array) {
      throw corrupt(`${key}: wanted a list of numbers, got ${describe(value)}`);
    }
    if (value.length !== length) throw corrupt(`${key}: wanted ${length} numbers, one for each token, got ${value.length}`);
    return value;
  }
}

function describe(value: GgufValue | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'object' ? 'a list' : JSON.stringify(typeof value === 'bigint' ? String(value) : value);
}
