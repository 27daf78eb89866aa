/** Copies of fixtures with damage done to them, in a folder that the test removes. */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const MODELS = fileURLToPath(new URL('../../fixtures/models', import.meta.url));

export class Scratch {
  readonly folder = mkdtempSync(join(tmpdir(), 'semantic-model-files-'));

  /** A copy of a fixture folder. */
  copy(fixture: string): string {
    const to = join(this.folder, fixture);
    rmSync(to, { recursive: true, force: true });
    cpSync(join(MODELS, fixture), to, { recursive: true });
    return to;
  }

  write(name: string, bytes: Uint8Array | string): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function readBytes(...path: string[]): Buffer {
  return readFileSync(join(MODELS, ...path));
}

/** A safetensors file with this header and so many bytes of data. */
export function safetensors(header: unknown, dataBytes: number): Buffer {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, Buffer.alloc(dataBytes)]);
}

/** Small integers without a library's global state: the same seed, the same damage. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state;
  };
}
