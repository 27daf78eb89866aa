import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Tokenizer } from '../../core/ports.js';
import { fileState } from '../model-files/file-state.js';
import { type OpenedTokenizer, openTokenizer } from './open-tokenizer.js';

interface Known extends Omit<OpenedTokenizer, 'tokenizer'> {
  readonly state: string;
  readonly tokenizer: WeakRef<Tokenizer>;
}

/**
 * Tokenizers by where they are, each opened once while somebody has it: an exchange of models looks at the one in memory again, in case it has to
 * come back, and building a vocabulary of 50,000 takes a tenth of a second. What nobody has any more may be collected.
 */
export class OpenedTokenizers {
  readonly #known = new Map<string, Known>();

  /** As openTokenizer. Files that changed since are read again. */
  async open(path: string): Promise<OpenedTokenizer> {
    const state = await stateOf(path).catch(() => null); // what is wrong is said by who reads it
    const known = this.#known.get(path);
    const tokenizer = known?.state === state ? known?.tokenizer.deref() : undefined;
    if (known !== undefined && tokenizer !== undefined) return { tokenizer, chatTemplate: known.chatTemplate, hash: known.hash };
    const opened = await openTokenizer(path);
    if (state !== null) this.#known.set(path, { ...opened, state, tokenizer: new WeakRef(opened.tokenizer) });
    return opened;
  }
}

/** Of a GGUF file, or of all in a folder but the weights. */
async function stateOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true });
  if (!found.isDirectory()) return fileState(found);
  const names = (await readdir(path)).filter((name) => !name.endsWith('.safetensors')).toSorted();
  const states = await Promise.all(names.map(async (name) => `${name} ${fileState(await stat(join(path, name), { bigint: true }))}`));
  return states.join('\n');
}
