import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { rejection } from '../../rejection.js';
import { ModelFolder, readJsonFixture, unzip } from './fixtures.js';

type Json = Record<string, unknown>;

let folder: ModelFolder;
beforeEach(() => {
  folder = new ModelFolder();
});
afterEach(() => folder.remove());

/** The qwen2 tokenizer with some of its parts replaced. */
function tokenizerJson(change: (json: Json & { model: Json; added_tokens: Json[] }) => unknown): Json {
  const json = readJsonFixture<Json & { model: Json; added_tokens: Json[] }>('qwen2.tokenizer.json.gz');
  change(json);
  return json;
}

const open = () => openTokenizer(folder.path);
const refused = () => rejection(open());

describe('openTokenizer() on a folder', () => {
  it('takes stop tokens from generation_config.json, then config.json, and always the eos token', async () => {
    folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
    folder.write('tokenizer_config.json', { eos_token: { content: '<|im_end|>' } });
    folder.write('config.json', { eos_token_id: 5 });
    expect((await open()).tokenizer.stopTokenIds).toEqual([5, 1402]);
    folder.write('generation_config.json', { eos_token_id: [7, 1402] });
    expect((await open()).tokenizer.stopTokenIds).toEqual([7, 1402]);
  });

  it('names the special tokens for the template, from special_tokens_map.json too', async () => {
    folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
    folder.write('special_tokens_map.json', { pad_token: '<|endoftext|>', eos_token: 'old' });
    folder.write('tokenizer_config.json', { eos_token: '<|im_end|>', bos_token: null });
    const { tokenizer, chatTemplate } = await open();
    expect(chatTemplate.namedTokens).toEqual({ pad_token: '<|endoftext|>', eos_token: '<|im_end|>' });
    expect(tokenizer).toMatchObject({ bosToken: null, eosToken: '<|im_end|>', vocabSize: 1405 });
  });

  it('prefers chat_template.jinja to the settings, and these to chat_template.json', async () => {
    folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
    expect((await open()).chatTemplate.templates).toBeNull();
    folder.write('chat_template.json', { chat_template: 'json' });
    expect((await open()).chatTemplate.templates).toEqual({ default: 'json', toolUse: null });
    folder.write('tokenizer_config.json', { chat_template: 'settings' });
    expect((await open()).chatTemplate.templates).toEqual({ default: 'settings', toolUse: null });
    folder.write('chat_template.jinja', 'file');
    expect((await open()).chatTemplate.templates).toEqual({ default: 'file', toolUse: null });
  });

  it('reads a list of named templates', async () => {
    folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
    const tool = { name: 'tool_use', template: 'with tools' };
    folder.write('tokenizer_config.json', { chat_template: [{ name: 'default', template: 'plain' }, tool] });
    expect((await open()).chatTemplate.templates).toEqual({ default: 'plain', toolUse: 'with tools' });
    folder.write('tokenizer_config.json', { chat_template: [tool] });
    expect(await refused()).toMatchObject({ code: 'ModelFileCorrupt', message: expect.stringContaining('got tool_use') });
  });

  it('says which path is missing', async () => {
    const error = await rejection(openTokenizer(`${folder.path}/nowhere`));
    expect(error).toMatchObject({ code: 'ModelFileMissing', message: expect.stringContaining('nowhere') });
    expect(await refused()).toMatchObject({ code: 'ModelFileMissing', message: expect.stringContaining('tokenizer.json') });
  });

  it('says that tokenizer.model alone is not enough', async () => {
    folder.write('tokenizer.model', 'binary');
    expect(await refused()).toMatchObject({ code: 'ModelUnsupported', message: expect.stringContaining('tokenizer.model') });
  });

  it.each([
    ['truncated', '{"model": {"vocab"'],
    ['a list', '[]'],
    ['without a model', '{}'],
  ])('refuses a tokenizer.json that is %s', async (_, text) => {
    folder.write('tokenizer.json', text);
    expect(await refused()).toMatchObject({ code: 'ModelFileCorrupt' });
  });

  it('refuses a tokenizer_config.json that is not JSON, naming it', async () => {
    folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
    folder.write('tokenizer_config.json', 'x');
    expect(await refused()).toMatchObject({ code: 'ModelFileCorrupt', message: expect.stringContaining('tokenizer_config.json') });
  });

  it.each<[string, (json: Json & { model: Json; added_tokens: Json[] }) => unknown, string]>([
    ['a gap in the ids of added tokens', (json) => (json.added_tokens[2]!['id'] = 9000), 'wanted id 1402, the next one free, got 9000'],
    ['an added token at the id of another', (json) => (json.added_tokens[0]!['id'] = 3), 'got 3'],
    ['a merge of unknown tokens', (json) => (json.model['merges'] = [['a', 'nope']]), 'needs the token "nope"'],
    ['a merge that is one word', (json) => (json.model['merges'] = ['ab']), 'one space between'],
    ['a merge of three', (json) => (json.model['merges'] = [['a', 'b', 'c']]), 'wanted 2 tokens, got 3'],
    ['an id that is no number', (json) => (json.model['vocab'] = { a: 'b' }), 'wanted a token id, got "b"'],
    ['an unknown token outside the vocabulary', (json) => (json.model['unk_token'] = 'nope'), 'unk_token'],
    [
      'a template of unknown special tokens',
      (json) => (json['post_processor'] = { type: 'TemplateProcessing', single: [{ SpecialToken: { id: 'x' } }], special_tokens: {} }),
      '"x"',
    ],
  ])('refuses %s as corrupt', async (_, change, message) => {
    folder.write('tokenizer.json', tokenizerJson(change));
    expect(await refused()).toMatchObject({ code: 'ModelFileCorrupt', message: expect.stringContaining(message) });
  });

  it.each<[string, (json: Json & { model: Json }) => unknown, string]>([
    ['a Unigram model', (json) => (json.model['type'] = 'Unigram'), '"Unigram"'],
    ['an end-of-word suffix', (json) => (json.model['end_of_word_suffix'] = '</w>'), 'end_of_word_suffix'],
    ['a normalizer', (json) => (json['normalizer'] = { type: 'Precompiled' }), '"Precompiled"'],
    ['a pre-tokenizer', (json) => (json['pre_tokenizer'] = { type: 'Nope' }), '"Nope"'],
    ['a pattern', (json) => (json['pre_tokenizer'] = { type: 'Split', pattern: { Regex: '(?<x' }, behavior: 'Isolated' }), '(?<x'],
    ['a split behavior', (json) => (json['pre_tokenizer'] = { type: 'Split', pattern: { String: 'x' }, behavior: 'Odd' }), '"Odd"'],
    ['a post-processor', (json) => (json['post_processor'] = { type: 'Nope' }), '"Nope"'],
    ['a decoder', (json) => (json['decoder'] = { type: 'CTC' }), '"CTC"'],
  ])('refuses %s that it does not know as unsupported', async (_, change, message) => {
    folder.write('tokenizer.json', tokenizerJson(change));
    expect(await refused()).toMatchObject({ code: 'ModelUnsupported', message: expect.stringContaining(message) });
  });
});

describe('openTokenizer() on a GGUF file', () => {
  it('refuses a file that is not GGUF', async () => {
    expect(await rejection(openTokenizer(folder.write('x.gguf', 'not a model at all')))).toMatchObject({ code: 'ModelFileCorrupt' });
  });

  it('finds the stop tokens that the file names and those known by name', async () => {
    const { tokenizer } = await openTokenizer(folder.write('x.gguf', unzip('o200k.gguf.gz')));
    const texts = tokenizer.stopTokenIds.map((id) => tokenizer.decode([id], { skipSpecialTokens: false }));
    expect(texts).toEqual(['<|return|>', '<|endoftext|>']);
  });
});
