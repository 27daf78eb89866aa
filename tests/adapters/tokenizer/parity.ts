import { expect } from 'vitest';
import type { Tokenizer } from '../../../src/core/ports.js';
import { readJsonFixture, type Expected } from './fixtures.js';

export const strings = readJsonFixture<string[]>('strings.json.gz');

interface Difference {
  readonly of: string;
  readonly wanted: unknown;
  readonly got: unknown;
}

/** Ids and texts of one tokenizer against what Hugging Face `tokenizers` and transformers gave. */
export function expectParity(tokenizer: Tokenizer, expected: Expected): void {
  expect(expected.ids).toHaveLength(strings.length);
  const differences: Difference[] = [];
  const compare = (of: string, got: unknown, wanted: unknown) => {
    if (JSON.stringify(got) !== JSON.stringify(wanted)) differences.push({ of, wanted, got });
  };
  const encode = (text: string, addSpecialTokens: boolean) => Array.from(tokenizer.encode(text, { addSpecialTokens }));
  const decode = (ids: readonly number[], skipSpecialTokens: boolean) => tokenizer.decode(ids, { skipSpecialTokens });

  for (const [i, ids] of expected.ids.entries()) {
    const text = strings[i]!;
    const decoded = expected.decoded[i] ?? text;
    compare(`string ${i}: ${text.slice(0, 60)}`, encode(text, false), ids);
    compare(`text of string ${i}`, decode(ids, false), decoded);
    compare(`text of string ${i} without special tokens`, decode(ids, true), expected.skipped[i] ?? decoded);
  }
  for (const [ids, all, skipped] of expected.random) {
    compare(`text of ${ids.join()}`, decode(ids, false), all);
    compare(`text of ${ids.join()} without special tokens`, decode(ids, true), skipped);
  }
  for (const [i, ids] of expected.framed.entries()) compare(`framed string ${i}`, encode(strings[i]!, true), ids);
  expect(differences).toEqual([]);
}
