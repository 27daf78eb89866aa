import { afterAll, expect, test } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { type Expected, ModelFolder, readJsonFixture, unzip } from './fixtures.js';

interface TokenizerJson {
  readonly model: { readonly vocab: Record<string, number>; readonly merges: readonly unknown[] };
  readonly added_tokens: readonly object[];
}

const folder = new ModelFolder();
afterAll(() => folder.remove());

const json = readJsonFixture<TokenizerJson>('qwen2.tokenizer.json.gz');
const { settings } = readJsonFixture<Expected>('qwen2.expected.json.gz');

async function hashOf(definition: object, config: object = settings): Promise<string> {
  folder.write('tokenizer.json', definition);
  folder.write('tokenizer_config.json', config);
  return (await openTokenizer(folder.path)).hash;
}

test('whatever decides ids changes it: vocabulary, merges, added tokens, every stage, and what frames a text', async () => {
  const { model } = json;
  const [[token, id], [other, otherId]] = Object.entries(model.vocab) as [[string, number], [string, number]];
  const [first, second, ...merges] = model.merges;
  const hashes = await sequence([
    () => hashOf(json),
    () => hashOf({ ...json, model: { ...model, vocab: { ...model.vocab, [token]: otherId, [other]: id } } }),
    () => hashOf({ ...json, model: { ...model, merges: [second, first, ...merges] } }),
    () => hashOf({ ...json, model: { ...model, merges: [first, second, ...merges.slice(0, -1)] } }),
    () => hashOf({ ...json, model: { ...model, ignore_merges: true } }),
    () => hashOf({ ...json, added_tokens: json.added_tokens.slice(0, -1) }),
    () => hashOf({ ...json, added_tokens: json.added_tokens.map((added, i) => (i === 0 ? { ...added, lstrip: true } : added)) }),
    () => hashOf({ ...json, normalizer: { type: 'NFD' } }),
    () => hashOf({ ...json, pre_tokenizer: { type: 'ByteLevel', add_prefix_space: true, use_regex: true } }),
    () => hashOf({ ...json, decoder: { type: 'Fuse' } }),
    () => hashOf(json, { ...settings, add_bos_token: true, bos_token: '<|im_start|>' }),
  ]);
  expect(new Set(hashes).size).toBe(hashes.length);
});

test('what decides no ids does not change it', async () => {
  expect(await hashOf(json, { ...settings, chat_template: 'another', model_max_length: 5 })).toBe(await hashOf(json));
});

test('a GGUF file has one too, of its own vocabulary', async () => {
  const hash = async (name: string): Promise<string> => (await openTokenizer(folder.write(`${name}.gguf`, unzip(`${name}.gguf.gz`)))).hash;
  expect(await hash('qwen2')).toMatch(/^[0-9a-f]{64}$/);
  expect(await hash('qwen2')).toBe(await hash('qwen2'));
  expect(await hash('qwen2')).not.toBe(await hash('llama3'));
});

/** One after the other: they share a folder. */
async function sequence<T>(steps: readonly (() => Promise<T>)[]): Promise<T[]> {
  const results: T[] = [];
  for (const step of steps) results.push(await step());
  return results;
}
