import { describe, expect, it } from 'vitest';
import type { GgufValue } from '../../../src/adapters/model-files/gguf-value.js';
import { PipelineTokenizer } from '../../../src/adapters/tokenizer/pipeline-tokenizer.js';
import { readGgufSource } from '../../../src/adapters/tokenizer/gguf-source.js';
import { rejection } from '../../rejection.js';

const BASE: readonly (readonly [string, GgufValue])[] = [
  ['tokenizer.ggml.model', 'gpt2'],
  ['tokenizer.ggml.pre', 'gpt-2'],
  ['tokenizer.ggml.tokens', ['a', 'b', 'ab', '<s>', '</s>']],
  ['tokenizer.ggml.token_type', Int32Array.of(1, 1, 1, 3, 3)],
  ['tokenizer.ggml.merges', ['a b']],
  ['tokenizer.ggml.bos_token_id', 3],
  ['tokenizer.ggml.eos_token_id', 4],
];

const read = (...changes: (readonly [string, GgufValue | null])[]) => {
  const values = new Map<string, GgufValue>(BASE);
  for (const [key, value] of changes) {
    if (value === null) values.delete(key);
    else values.set(key, value);
  }
  return readGgufSource(values);
};
const ids = (source: ReturnType<typeof read>, text: string) => [...new PipelineTokenizer(source).encode(text, { addSpecialTokens: true })];

describe('readGgufSource()', () => {
  it('adds BOS and EOS where the file says so, else by the habit of the family', () => {
    expect(ids(read(), 'ab')).toEqual([2]);
    expect(ids(read(['tokenizer.ggml.add_bos_token', true], ['tokenizer.ggml.add_eos_token', true]), 'ab')).toEqual([3, 2, 4]);
    expect(ids(read(['tokenizer.ggml.pre', 'llama-bpe']), 'ab')).toEqual([3, 2]);
    expect(ids(read(['tokenizer.ggml.pre', 'llama-bpe'], ['tokenizer.ggml.add_bos_token', false]), 'ab')).toEqual([2]);
  });

  it('brings the template, the one for tools, and the named tokens', () => {
    const { chatTemplate } = read(['tokenizer.chat_template', 'plain'], ['tokenizer.chat_template.tool_use', 'tools']);
    expect(chatTemplate).toEqual({
      templates: { default: 'plain', toolUse: 'tools' },
      namedTokens: { bos_token: '<s>', eos_token: '</s>' },
    });
  });

  it('takes an id of -1 for none', () => {
    expect(read(['tokenizer.ggml.bos_token_id', 0xffffffff]).bosToken).toBeNull();
  });

  it.each<[string, string, GgufValue | null, string]>([
    ['an unknown model', 'tokenizer.ggml.model', 't5', '"t5"'],
    ['no model', 'tokenizer.ggml.model', null, 'got null'],
    ['an unknown pre-tokenizer', 'tokenizer.ggml.pre', 'afmoe', '"afmoe"'],
    ['no pre-tokenizer', 'tokenizer.ggml.pre', null, 'the file names none'],
  ])('refuses %s as unsupported', async (_, key, value, message) => {
    const error = await rejection(Promise.resolve().then(() => read([key, value])));
    expect(error).toMatchObject({ code: 'ModelUnsupported', message: expect.stringContaining(message) });
  });

  it.each<[string, string, GgufValue | null, string]>([
    ['no tokens', 'tokenizer.ggml.tokens', null, 'wanted a list of strings, got nothing'],
    ['tokens that are numbers', 'tokenizer.ggml.tokens', Int32Array.of(1), 'got a list'],
    ['too few types', 'tokenizer.ggml.token_type', Int32Array.of(1), 'wanted 5 numbers'],
    ['types that are a string', 'tokenizer.ggml.token_type', 'x', 'wanted a list of numbers, got "x"'],
    ['no merges', 'tokenizer.ggml.merges', null, 'tokenizer.ggml.merges'],
    ['an eos id outside the vocabulary', 'tokenizer.ggml.eos_token_id', 5, 'wanted a token id below 5, got 5'],
    ['a flag that is a number', 'tokenizer.ggml.add_bos_token', 1, 'wanted true or false, got 1'],
    ['a template that is a number', 'tokenizer.chat_template', 1, 'wanted a string, got 1'],
    ['SentencePiece without scores', 'tokenizer.ggml.model', 'llama', 'tokenizer.ggml.scores'],
  ])('refuses %s as corrupt', async (_, key, value, message) => {
    const error = await rejection(Promise.resolve().then(() => read([key, value])));
    expect(error).toMatchObject({ code: 'ModelFileCorrupt', message: expect.stringContaining(message) });
  });
});
