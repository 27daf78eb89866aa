/** The identity of a tokenizer: of all its files say that decides which ids a text has, and which text ids have. */
import { createHash } from 'node:crypto';
import type { TokenizerSource } from './tokenizer-source.js';

const ENTRIES_AT_ONCE = 8192;

export function tokenizerHash({ definition, frame }: TokenizerSource): string {
  const { model, ...stages } = definition;
  const { vocab, merges, ...rules } = 'merges' in model ? model : { ...model, merges: [] };
  const hash = createHash('sha256');
  const add = (name: string, entries: readonly unknown[]): void => {
    hash.update(`${name} ${entries.length}\n`);
    for (let at = 0; at < entries.length; at += ENTRIES_AT_ONCE) hash.update(JSON.stringify(entries.slice(at, at + ENTRIES_AT_ONCE)));
  };
  add('stages', [stages, rules, frame]);
  add('vocab', [...vocab]);
  add('merges', merges);
  return hash.digest('hex');
}
