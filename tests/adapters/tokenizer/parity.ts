import { expect } from 'vitest';
import type { Tokenizer } from '../../../src/core/ports.js';
import { readJsonFixture, type Expected } from './fixtures.js';

export const strings = readJsonFixture<string[]>('strings.json.gz');

/** Ids and texts of one tokenizer against what Hugging Face `tokenizers` and transformers gave. */
export function expectParity(tokenizer: Tokenizer, expected: Expected): void {
  expect(expected.ids).toHaveLength(strings.length);
  for (const [i, ids] of expected.ids.entries()) {
    const text = strings[i]!;
    const label = `string ${i}: ${JSON.stringify(text.slice(0, 60))}`;
    expect(Array.from(tokenizer.encode(text, { addSpecialTokens: false })), label).toEqual(ids);
    const decoded = expected.decoded[i] ?? text;
    expect(tokenizer.decode(ids, { skipSpecialTokens: false }), label).toBe(decoded);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true }), label).toBe(expected.skipped[i] ?? decoded);
  }
  for (const [ids, all, skipped] of expected.random) {
    expect(tokenizer.decode(ids, { skipSpecialTokens: false }), ids.join()).toBe(all);
    expect(tokenizer.decode(ids, { skipSpecialTokens: true }), ids.join()).toBe(skipped);
  }
  for (const [i, ids] of expected.framed.entries()) {
    expect(Array.from(tokenizer.encode(strings[i]!, { addSpecialTokens: true })), `framed string ${i}`).toEqual(ids);
  }
}
