import type { GgufValue } from '../model-files/gguf-value.js';
import type { AddedToken } from './added-tokens.js';
import type { BpeDefinition } from './bpe-model.js';
import { GgufMetadata } from './gguf-metadata.js';
import { preTokenizerPreset } from './gguf-pre-tokenizers.js';
import { corrupt, unsupported } from './json-shape.js';
import { mergesFromScores } from './merges-from-scores.js';
import type { SpecialTokenFrame } from './post-processor.js';
import { listStopTokens } from './stop-tokens.js';
import type { TokenizerDefinition, TokenizerSource } from './tokenizer-source.js';

/** `tokenizer.ggml.token_type`. */
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

interface Vocabulary {
  readonly tokens: readonly string[];
  /** By id; all normal where the file has no list. */
  readonly types: ArrayLike<number>;
  readonly vocab: ReadonlyMap<string, number>;
}

/** Turns the metadata of a GGUF file into what tokenizer.json would say. */
export function readGgufSource(values: ReadonlyMap<string, GgufValue>): TokenizerSource {
  const metadata = new GgufMetadata(values);
  const vocabulary = readVocabulary(metadata);
  const model = metadata.string('tokenizer.ggml.model');
  if (model === 'gpt2') return finish(metadata, vocabulary, ...byteLevel(metadata, vocabulary));
  if (model === 'llama') return finish(metadata, vocabulary, sentencePiece(metadata, vocabulary), true);
  throw unsupported(`tokenizer.ggml.model: wanted gpt2 (byte-level BPE) or llama (SentencePiece), got ${JSON.stringify(model ?? null)}`);
}

function readVocabulary(metadata: GgufMetadata): Vocabulary {
  const tokens = metadata.strings('tokenizer.ggml.tokens');
  const vocab = new Map<string, number>();
  // Of two ids with one text the first is what the text encodes to.
  for (const [id, token] of tokens.entries()) if (!vocab.has(token)) vocab.set(token, id);
  const types = metadata.numbers('tokenizer.ggml.token_type', tokens.length) ?? new Uint8Array(tokens.length).fill(1);
  return { tokens, types, vocab };
}

function byteLevel(metadata: GgufMetadata, { tokens, types, vocab }: Vocabulary): [TokenizerDefinition, boolean] {
  const preset = preTokenizerPreset(metadata.string('tokenizer.ggml.pre'));
  const merges = metadata.strings('tokenizer.ggml.merges');
  const model: BpeDefinition = {
    vocab,
    merges,
    unkToken: null,
    fuseUnk: false,
    byteFallback: false,
    ignoreMerges: preset.ignoreMerges,
  };
  const definition: TokenizerDefinition = {
    addedTokens: listAddedTokens(tokens, types),
    normalizer: preset.normalizer,
    preTokenizer: preset.preTokenizer,
    postProcessor: null,
    decoder: { type: 'ByteLevel' },
    model,
  };
  return [definition, preset.addsBos];
}

/** As Hugging Face converts SentencePiece models: spaces become U+2581, one is put before text where the file says so. */
function sentencePiece(metadata: GgufMetadata, { tokens, types, vocab }: Vocabulary): TokenizerDefinition {
  const scores = metadata.numbers('tokenizer.ggml.scores', tokens.length);
  if (scores === undefined) throw corrupt('tokenizer.ggml.scores: a SentencePiece vocabulary needs them, got nothing');
  const prefixed = metadata.boolean('tokenizer.ggml.add_space_prefix') ?? true;
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '\u2581' };
  const restore = { type: 'Replace', pattern: { String: '\u2581' }, content: ' ' };
  const fallback = [restore, { type: 'ByteFallback' }, { type: 'Fuse' }];
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
  const unk = Array.from(tokens.keys()).find((id) => types[id] === UNKNOWN);
  return {
    addedTokens: listAddedTokens(tokens, types),
    normalizer: prefixed ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '\u2581' }, replace] } : replace,
    preTokenizer: null,
    postProcessor: null,
    decoder: { type: 'Sequence', decoders: prefixed ? [...fallback, strip] : fallback },
    model: {
      vocab,
      merges: mergesFromScores(vocab, scores, (id) => types[id] !== CONTROL && types[id] !== UNKNOWN),
      unkToken: unk === undefined ? null : tokens[unk]!,
      fuseUnk: true,
      byteFallback: true,
      ignoreMerges: false,
    },
  };
}

function listAddedTokens(tokens: readonly string[], types: ArrayLike<number>): AddedToken[] {
  const added: AddedToken[] = [];
  for (const [id, content] of tokens.entries()) {
    const type = types[id];
    if (type !== UNKNOWN && type !== CONTROL && type !== USER_DEFINED) continue;
    added.push({ id, content, special: type !== USER_DEFINED, singleWord: false, lstrip: false, rstrip: false, normalized: false });
  }
  return added;
}

function finish(metadata: GgufMetadata, { tokens }: Vocabulary, definition: TokenizerDefinition, addsBos: boolean): TokenizerSource {
  const id = (name: string) => metadata.tokenId(`tokenizer.ggml.${name}_token_id`, tokens.length);
  const [bos, eos] = [id('bos'), id('eos')];
  const names = { bos_token: bos, eos_token: eos, pad_token: id('padding'), unk_token: id('unknown') };
  const present = Object.entries(names).flatMap(([name, value]) => (value === undefined ? [] : [[name, tokens[value]!]]));
  const declared = [eos, id('eot'), id('eom')].filter((value) => value !== undefined);
  const frame: SpecialTokenFrame = {
    before: bos !== undefined && (metadata.boolean('tokenizer.ggml.add_bos_token') ?? addsBos) ? [bos] : [],
    after: eos !== undefined && (metadata.boolean('tokenizer.ggml.add_eos_token') ?? false) ? [eos] : [],
  };
  const template = metadata.string('tokenizer.chat_template');
  const toolUse = metadata.string('tokenizer.chat_template.tool_use') ?? null;
  return {
    definition,
    bosToken: bos === undefined ? null : tokens[bos]!,
    eosToken: eos === undefined ? null : tokens[eos]!,
    stopTokenIds: listStopTokens(declared, definition.addedTokens),
    frame,
    chatTemplate: {
      templates: template === undefined ? null : { default: template, toolUse },
      namedTokens: Object.fromEntries(present) as Record<string, string>,
    },
  };
}
