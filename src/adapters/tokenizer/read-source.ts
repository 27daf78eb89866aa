import { stat } from 'node:fs/promises';
import { fileMissing } from '../model-files/file-errors.js';
import { readGguf } from '../model-files/read-gguf.js';
import { readFolderSource } from './folder-source.js';
import { readGgufSource } from './gguf-source.js';
import type { TokenizerSource } from './tokenizer-source.js';

/** What a tokenizer is made of, from a Hugging Face folder or a GGUF file. Throws ModelFileMissing, ModelFileCorrupt or ModelUnsupported. */
export async function readSource(path: string): Promise<TokenizerSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  if (found.isDirectory()) return readFolderSource(path);
  return readGgufSource((await readGguf(path)).metadata);
}
