import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import type { Tokenizer } from '../../../src/core/ports.js';
import { ModelFolder, readJsonFixture, unzip, type Expected } from './fixtures.js';

const NAMES = ['llama3', 'qwen2', 'llama2', 'mistral', 'gemma', 'odd'];
const folder = new ModelFolder();
const tokenizers = new Map<string, Tokenizer>();

beforeAll(async () => {
  for (const name of NAMES) {
    folder.write('tokenizer.json', unzip(`${name}.tokenizer.json.gz`));
    tokenizers.set(name, (await openTokenizer(folder.path)).tokenizer);
  }
});
afterAll(() => folder.remove());

function streamed(tokenizer: Tokenizer, ids: readonly number[], skipSpecialTokens: boolean): { pieces: string[]; rest: string } {
  const stream = tokenizer.createStream({ skipSpecialTokens });
  return { pieces: ids.map((id) => stream.push(id)), rest: stream.flush() };
}

describe.each(NAMES)('a stream of %s tokens', (name) => {
  it('adds up to what Hugging Face tokenizers decodes', () => {
    for (const [ids, all, skipped] of readJsonFixture<Expected>(`${name}.expected.json.gz`).random) {
      for (const [text, skip] of [
        [all, false],
        [skipped, true],
      ] as const) {
        const { pieces, rest } = streamed(tokenizers.get(name)!, ids, skip);
        expect(pieces.join('') + rest).toBe(text);
      }
    }
  });

  it('adds up to decode() for any ids, those outside the vocabulary included', () => {
    const tokenizer = tokenizers.get(name)!;
    const id = fc.integer({ min: 0, max: tokenizer.vocabSize + 3 });
    fc.assert(
      fc.property(fc.array(fc.oneof(id, fc.integer({ min: 0, max: 300 })), { maxLength: 40 }), fc.boolean(), (ids, skipSpecialTokens) => {
        const { pieces, rest } = streamed(tokenizer, ids, skipSpecialTokens);
        expect(pieces.join('') + rest).toBe(tokenizer.decode(ids, { skipSpecialTokens }));
      }),
      { numRuns: 300 },
    );
  });

  it('shows a text that was encoded without ever emitting half a character', () => {
    const tokenizer = tokenizers.get(name)!;
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
        const ids = [...tokenizer.encode(text, { addSpecialTokens: false })];
        const { pieces, rest } = streamed(tokenizer, ids, false);
        for (const piece of [...pieces, rest]) {
          expect(piece).not.toMatch(/\p{Surrogate}/u);
          if (!text.includes('\ufffd')) expect(piece).not.toContain('\ufffd');
        }
      }),
      { numRuns: 300 },
    );
  });
});

describe('a stream', () => {
  it('holds an emoji back until its last byte is there', () => {
    const tokenizer = tokenizers.get('llama2')!;
    const ids = [...tokenizer.encode('x\u{1F9FF}y', { addSpecialTokens: false })];
    const { pieces } = streamed(tokenizer, ids, false);
    expect(pieces).toEqual(['x', '', '', '', '', '\u{1F9FF}y']);
  });

  it('turns a broken character into as many U+FFFD as decode does, at the end too', () => {
    const tokenizer = tokenizers.get('llama3')!;
    const [first, second] = tokenizer.encode('\u{1F9FF}', { addSpecialTokens: false });
    const letter = tokenizer.encode('a', { addSpecialTokens: false })[0]!;
    expect(streamed(tokenizer, [first!, letter], false)).toEqual({ pieces: ['', '\ufffda'], rest: '' });
    expect(streamed(tokenizer, [letter, first!, second!], false)).toEqual({ pieces: ['a', '', ''], rest: '\ufffd' });
  });

  it('leaves special tokens out where asked, without disturbing the text around them', () => {
    const tokenizer = tokenizers.get('qwen2')!;
    const ids = [...tokenizer.encode('a<|im_end|>b<tool_call>c', { addSpecialTokens: false })];
    expect(streamed(tokenizer, ids, true).pieces).toEqual(['a', '', 'b', '<tool_call>', 'c']);
    expect(streamed(tokenizer, ids, false).pieces).toEqual(['a', '<|im_end|>', 'b', '<tool_call>', 'c']);
  });

  it('drops the leading space of SentencePiece once, at the start of the text only', () => {
    const tokenizer = tokenizers.get('llama2')!;
    const ids = [...tokenizer.encode('the the', { addSpecialTokens: false })];
    expect(streamed(tokenizer, ids, false).pieces.join('')).toBe('the the');
    expect(tokenizer.decode(ids.slice(1), { skipSpecialTokens: false }).startsWith(' ')).toBe(false);
  });
});
