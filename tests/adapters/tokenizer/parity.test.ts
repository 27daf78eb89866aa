import { afterAll, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { ModelFolder, readJsonFixture, unzip, type Expected } from './fixtures.js';
import { expectParity, strings } from './parity.js';

const folder = new ModelFolder();
afterAll(() => folder.remove());

describe('tokenizer.json gives the ids and texts of Hugging Face tokenizers', () => {
  it.each(['llama3', 'qwen2', 'o200k', 'tekken', 'llama2', 'mistral', 'gemma', 'odd', 'word-piece'])('%s', async (name) => {
    const expected = readJsonFixture<Expected>(`${name}.expected.json.gz`);
    const model = new ModelFolder();
    model.write('tokenizer.json', unzip(`${name}.tokenizer.json.gz`));
    model.write('tokenizer_config.json', expected.settings);
    const { tokenizer } = await openTokenizer(model.path);
    model.remove();
    expectParity(tokenizer, expected);
  });
});

describe('GGUF metadata gives the ids and texts of Hugging Face tokenizers', () => {
  it.each(['llama3', 'qwen2', 'o200k', 'tekken', 'llama2', 'gemma'])('%s', async (name) => {
    const { tokenizer } = await openTokenizer(folder.write(`${name}.gguf`, unzip(`${name}.gguf.gz`)));
    const expected = readJsonFixture<Expected>(`${name}.expected.json.gz`);
    // The post-processor of this one is not in the file: its family adds no BOS unless the file says so.
    expectParity(tokenizer, name === 'o200k' ? { ...expected, framed: [] } : expected);
  });
});

describe('encode', () => {
  it('has 2,000 strings to try', () => {
    expect(strings).toHaveLength(2000);
  });

  it('takes half a surrogate pair for U+FFFD', async () => {
    const { tokenizer } = await openTokenizer(folder.write('surrogates.gguf', unzip('llama3.gguf.gz')));
    const encode = (text: string) => Array.from(tokenizer.encode(text, { addSpecialTokens: false }));
    for (const half of ['\ud83d', '\ude00', '\ude00\ud83d']) {
      expect(encode(`a${half}b`)).toEqual(encode(`a${half.replace(/[^]/g, '\ufffd')}b`));
    }
  });

  it('gives each token its bytes', async () => {
    const bytesOf = async (name: string, text: string) => {
      const { tokenizer } = await openTokenizer(folder.write(`bytes-${name}.gguf`, unzip(`${name}.gguf.gz`)));
      return Buffer.concat([...tokenizer.encode(text, { addSpecialTokens: false })].map((id) => tokenizer.tokenBytes(id))).toString();
    };
    const text = 'a caf\u00e9 \u{1F468}\u200d\u{1F469}\ufe0f \u4e2d\u6587\n';
    expect(await bytesOf('llama3', text)).toBe(text);
    expect(await bytesOf('gemma', text)).toBe(text);
    expect(await bytesOf('llama2', text)).toBe(` ${text}`);
  });
});
