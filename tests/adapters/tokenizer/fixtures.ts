import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

const FOLDER = new URL('../../fixtures/tokenizers/', import.meta.url);

/** What tests/fixtures/tokenizers/generate.py wrote for one tokenizer. */
export interface Expected {
  readonly ids: readonly (readonly number[])[]; // one per string
  readonly decoded: Readonly<Record<string, string>>; // where it differs from the string
  readonly skipped: Readonly<Record<string, string>>; // where it differs from `decoded`
  readonly settings: Readonly<Record<string, unknown>>; // tokenizer_config.json
  readonly framed: readonly (readonly number[])[]; // first strings, with special tokens, by transformers
  readonly random: readonly (readonly [readonly number[], string, string])[];
}

export function unzip(name: string): Buffer {
  return gunzipSync(readFileSync(new URL(name, FOLDER)));
}

export function readJsonFixture<T>(name: string): T {
  return JSON.parse(unzip(name).toString('utf8')) as T;
}

/** A temporary model folder, as Hugging Face lays it out; the caller removes it. */
export class ModelFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'semantic-tokenizer-'));

  write(name: string, content: string | Buffer | object): string {
    const file = join(this.path, name);
    writeFileSync(file, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
    return file;
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
