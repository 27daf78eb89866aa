import type { Tokenizer } from '../../core/ports.js';
import type { ChatTemplateSource } from '../chat-template/template-source.js';
import { EncodeThread } from './encode-thread.js';
import { PipelineTokenizer } from './pipeline-tokenizer.js';
import { readSource } from './read-source.js';
import { tokenizerHash } from './tokenizer-hash.js';

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
  const hash = tokenizerHash(source);
  return { tokenizer: new PipelineTokenizer(source, new EncodeThread({ path, hash })), chatTemplate: source.chatTemplate, hash };
}
