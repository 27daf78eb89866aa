import type { AddedToken } from './added-tokens.js';
import { asArray, asBoolean, asId, asRecord, asString, corrupt, unsupported, type JsonRecord } from './json-shape.js';
import type { TokenizerDefinition } from './tokenizer-source.js';
import type { ModelDefinition } from './word-model.js';

/** Reads the parsed tokenizer.json. Truncation and padding are left aside, as transformers does unless asked. */
export function parseDefinition(json: unknown): TokenizerDefinition {
  const root = asRecord(json, 'tokenizer.json');
  const model = parseModel(asRecord(root['model'], 'model'));
  return {
    addedTokens: parseAddedTokens(asArray(root['added_tokens'] ?? [], 'added_tokens'), model.vocab),
    normalizer: root['normalizer'],
    preTokenizer: root['pre_tokenizer'],
    postProcessor: root['post_processor'],
    decoder: root['decoder'],
    model,
  };
}

function parseModel(model: JsonRecord): ModelDefinition {
  const type = model['type'] ?? untypedKind(model);
  if (type === 'WordPiece') return parseWordPiece(model);
  if (type !== 'BPE') throw unsupported(`tokenizer model ${JSON.stringify(type)} is not supported, only BPE and WordPiece`);
  for (const key of ['continuing_subword_prefix', 'end_of_word_suffix']) {
    if (model[key] !== undefined && model[key] !== null && model[key] !== '') throw unsupported(`model.${key} is not supported`);
  }
  const unk = model['unk_token'] ?? null;
  return {
    vocab: parseVocab(model),
    merges: asArray(model['merges'], 'model.merges').map(parseMerge),
    unkToken: unk === null ? null : asString(unk, 'model.unk_token'),
    fuseUnk: asBoolean(model['fuse_unk'], false, 'model.fuse_unk'),
    byteFallback: asBoolean(model['byte_fallback'], false, 'model.byte_fallback'),
    ignoreMerges: asBoolean(model['ignore_merges'], false, 'model.ignore_merges'),
  };
}

/** Files of before 2021 name no type. */
function untypedKind(model: JsonRecord): string {
  if (Array.isArray(model['merges'])) return 'BPE';
  return 'max_input_chars_per_word' in model ? 'WordPiece' : 'unknown';
}

function parseWordPiece(model: JsonRecord): ModelDefinition {
  return {
    vocab: parseVocab(model),
    unkToken: asString(model['unk_token'], 'model.unk_token'),
    continuingPrefix: asString(model['continuing_subword_prefix'], 'model.continuing_subword_prefix'),
    maxWordCharacters: asId(model['max_input_chars_per_word'], 'model.max_input_chars_per_word'),
  };
}

function parseVocab(model: JsonRecord): Map<string, number> {
  const vocab = new Map<string, number>();
  for (const [token, id] of Object.entries(asRecord(model['vocab'], 'model.vocab'))) {
    vocab.set(token, asId(id, `model.vocab[${JSON.stringify(token)}]`));
  }
  return vocab;
}

function parseMerge(merge: unknown, rank: number): string | readonly [string, string] {
  if (typeof merge === 'string') return merge;
  const [left, right, ...more] = asArray(merge, `model.merges[${rank}]`);
  if (more.length > 0) throw corrupt(`model.merges[${rank}]: wanted 2 tokens, got ${more.length + 2}`);
  return [asString(left, `model.merges[${rank}][0]`), asString(right, `model.merges[${rank}][1]`)];
}

/**
 * A token that the model knows keeps the model's id; any other gets the next free id. The file must say the same:
 * `tokenizers` itself numbers them like that and ignores what is written, so a gap would shift every id after it.
 */
function parseAddedTokens(list: readonly unknown[], vocab: ReadonlyMap<string, number>): AddedToken[] {
  const byContent = new Map<string, AddedToken>();
  let largest = -1;
  for (const [i, entry] of list.entries()) {
    const token = parseAddedToken(entry, `added_tokens[${i}]`);
    if (token.content === '') continue;
    const expected = vocab.get(token.content) ?? byContent.get(token.content)?.id ?? (largest >= vocab.size ? largest + 1 : vocab.size);
    if (token.id !== expected) {
      throw corrupt(`added_tokens[${i}] ${JSON.stringify(token.content)}: wanted id ${expected}, the next one free, got ${token.id}`);
    }
    largest = Math.max(largest, token.id);
    byContent.set(token.content, token);
  }
  return [...byContent.values()];
}

function parseAddedToken(json: unknown, where: string): AddedToken {
  const token = asRecord(json, where);
  const special = asBoolean(token['special'], false, `${where}.special`);
  return {
    id: asId(token['id'], `${where}.id`),
    content: asString(token['content'], `${where}.content`),
    special,
    singleWord: asBoolean(token['single_word'], false, `${where}.single_word`),
    lstrip: asBoolean(token['lstrip'], false, `${where}.lstrip`),
    rstrip: asBoolean(token['rstrip'], false, `${where}.rstrip`),
    normalized: asBoolean(token['normalized'], !special, `${where}.normalized`),
  };
}
