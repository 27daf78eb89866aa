/** What mlx-lm says about a tiny model: see tests/fixtures/models/generate.py. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

export interface Golden {
  /** Path to hand to readCheckpoint. */
  readonly model: string;
  readonly vocabSize: number;
  readonly prompts: readonly (readonly number[])[];
  /** Positions of each prompt whose rows are stored. */
  readonly positions: readonly (readonly number[])[];
  /** [sum of positions, vocabSize] log-probabilities of the next token. */
  readonly rows: Float32Array;
  readonly greedy: readonly { readonly tokens: readonly number[]; readonly logprobs: readonly number[] }[];
}

export const FIXTURES = fileURLToPath(new URL('../fixtures/models', import.meta.url));

export function goldenNames(): string[] {
  return readdirSync(FIXTURES, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && existsSync(join(FIXTURES, entry.name, 'golden.json')))
    .map((entry) => entry.name)
    .sort();
}

export function readGolden(name: string): Golden {
  const folder = join(FIXTURES, name);
  const json = JSON.parse(readFileSync(join(folder, 'golden.json'), 'utf8')) as Omit<Golden, 'model' | 'vocabSize' | 'rows'> & {
    vocab_size: number;
  };
  const bytes = readFileSync(join(folder, 'golden.bin'));
  const rows = new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
  const model = readdirSync(folder).includes('model.gguf') ? join(folder, 'model.gguf') : folder;
  return { ...json, model, vocabSize: json.vocab_size, rows };
}
