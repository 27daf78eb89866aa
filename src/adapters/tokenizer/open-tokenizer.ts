import { stat } from 'node:fs/promises';
import type { Tokenizer } from '../../core/ports.js';
import type { ChatTemplateSource } from '../chat-template/template-source.js';
import { fileMissing } from '../model-files/file-errors.js';
import { readGguf } from '../model-files/read-gguf.js';
import { PipelineTokenizer } from './pipeline-tokenizer.js';
import { readFolderSource } from './folder-source.js';
import { readGgufSource } from './gguf-source.js';
import { tokenizerHash } from './tokenizer-hash.js';
import type { TokenizerSource } from './tokenizer-source.js';

export interface OpenedTokenizer {
  readonly tokenizer: Tokenizer;
  /** For createChatTemplate. */
  readonly chatTemplate: ChatTemplateSource;
  /** Of all that decides ids. */
  readonly hash: string;
}

/**
 * Reads the tokenizer of a Hugging Face folder or a GGUF file, and the chat template that goes with it.
 * Throws ModelFileMissing, ModelFileCorrupt, or ModelUnsupported for a kind of tokenizer that is not known.
 */
export async function openTokenizer(path: string): Promise<OpenedTokenizer> {
  const source = await readSource(path);
  return { tokenizer: new PipelineTokenizer(source), chatTemplate: source.chatTemplate, hash: tokenizerHash(source) };
}

async function readSource(path: string): Promise<TokenizerSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw fileMissing(path, cause);
  });
  if (found.isDirectory()) return readFolderSource(path);
  return readGgufSource((await readGguf(path)).metadata);
}
