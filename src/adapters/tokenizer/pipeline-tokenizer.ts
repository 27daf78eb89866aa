import type { Detokenizer, Tokenizer } from '../../core/ports.js';
import { AddedTokenSplitter } from './added-tokens.js';
import { inSlices } from '../../core/domain/in-slices.js';
import { LONG_WORD } from './bpe-model.js';
import { bytesOfByteLevelToken } from './byte-alphabet.js';
import type { EncodeThread } from './encode-thread.js';
import { createDecoder, parseByteToken, type DecoderFactory } from './decoder.js';
import { StageDetokenizer } from './detokenizer.js';
import { IdBuffer } from './id-buffer.js';
import { createNormalizer, type Normalizer } from './normalizer.js';
import { createPostProcessor, type SpecialTokenFrame } from './post-processor.js';
import { createPreTokenizer, type PreTokenizer } from './pre-tokenizer.js';
import type { TokenizerSource } from './tokenizer-source.js';
import { createWordModel, type WordModel } from './word-model.js';

const encoder = new TextEncoder();
/** Characters from which on a thread of its own is worth the way to it: some 100 ms of work. */
const LONG_TEXT = 131_072;

interface EncodeOptions {
  readonly addSpecialTokens: boolean;
}

/** The pipeline of Hugging Face `tokenizers`: same ids, same text. */
export class PipelineTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly bosToken: string | null;
  readonly eosToken: string | null;
  readonly stopTokenIds: readonly number[];
  readonly #tokens: readonly string[]; // by id; '' where an id is not given away
  readonly #special: ReadonlySet<number>;
  readonly #splitter: AddedTokenSplitter;
  readonly #preTokenizer: PreTokenizer;
  readonly #model: WordModel;
  readonly #frame: SpecialTokenFrame;
  readonly #decoder: DecoderFactory;
  readonly #thread: EncodeThread | null;

  /** Without a thread long texts are encoded here too. */
  constructor(source: TokenizerSource, thread: EncodeThread | null = null) {
    this.#thread = thread;
    const { definition } = source;
    this.bosToken = source.bosToken;
    this.eosToken = source.eosToken;
    this.stopTokenIds = source.stopTokenIds;
    const normalize = createNormalizer(definition.normalizer);
    this.#tokens = listTokens(source, normalize);
    this.vocabSize = this.#tokens.length;
    this.#special = new Set(definition.addedTokens.filter((token) => token.special).map((token) => token.id));
    this.#splitter = new AddedTokenSplitter(definition.addedTokens, normalize);
    this.#preTokenizer = createPreTokenizer(definition.preTokenizer);
    this.#model = createWordModel(definition.model, this.#preTokenizer.isByteLevel);
    this.#frame = source.frame ?? createPostProcessor(definition.postProcessor);
    this.#decoder = createDecoder(definition.decoder);
  }

  encode(text: string, options: EncodeOptions): Int32Array {
    const steps = this.#encoding(text, options);
    for (;;) {
      const { done, value } = steps.next();
      if (done === true) return value;
    }
  }

  async encodeInSlices(text: string, options: EncodeOptions): Promise<Int32Array> {
    const ids = text.length < LONG_TEXT ? null : ((await this.#thread?.encode(text, options.addSpecialTokens)) ?? null);
    if (ids !== null) return ids;
    return inSlices(this.#encoding(text, options));
  }

  *#encoding(text: string, { addSpecialTokens }: EncodeOptions): Generator<void, Int32Array, void> {
    const out = new IdBuffer(text.length / 3);
    const emit = (id: number) => out.push(id);
    if (addSpecialTokens) this.#frame.before.forEach(emit);
    let read = 0; // UTF-16 units since the last pause
    // Half a surrogate pair has no UTF-8 form: it becomes U+FFFD.
    for (const segment of this.#splitter.split(text.toWellFormed())) {
      if (segment === null) yield;
      else if ('id' in segment) emit(segment.id);
      else {
        for (const word of this.#preTokenizer.split(segment.text, segment.isStart)) {
          if (word.text.length > LONG_WORD) yield* this.#model.encodeInSteps(word.text, emit);
          else this.#model.encode(word.text, emit);
          read += word.text.length;
          if (read < LONG_WORD) continue;
          read = 0;
          yield;
        }
      }
    }
    if (addSpecialTokens) this.#frame.after.forEach(emit);
    return out.take();
  }

  decode(ids: ArrayLike<number>, options: { readonly skipSpecialTokens: boolean }): string {
    const stream = this.createStream(options);
    const parts: string[] = [];
    for (let i = 0; i < ids.length; i++) parts.push(stream.push(ids[i]!));
    parts.push(stream.flush());
    return parts.join('');
  }

  tokenBytes(id: number): Uint8Array {
    const token = this.#tokens[id] ?? '';
    if (this.#decoder.isByteLevel) return bytesOfByteLevelToken(token);
    const byte = parseByteToken(token);
    return byte === null ? encoder.encode(token.replaceAll('\u2581', ' ')) : Uint8Array.of(byte);
  }

  isText(id: number): boolean {
    return (this.#tokens[id] ?? '') !== '' && !this.#special.has(id);
  }

  createStream({ skipSpecialTokens }: { readonly skipSpecialTokens: boolean }): Detokenizer {
    return new StageDetokenizer(this.#decoder.create(), (id) => {
      const token = this.#tokens[id];
      return token === undefined || token === '' || (skipSpecialTokens && this.#special.has(id)) ? null : token;
    });
  }
}

/** A token that is looked for in normalized text also decodes to its normalized form, as `tokenizers` 0.23 has it. */
function listTokens({ definition }: TokenizerSource, normalize: Normalizer): string[] {
  const tokens: string[] = [];
  const put = (token: string, id: number) => {
    while (tokens.length <= id) tokens.push('');
    tokens[id] = token;
  };
  for (const [token, id] of definition.model.vocab) put(token, id);
  for (const token of definition.addedTokens) put(token.normalized ? normalize(token.content) : token.content, token.id);
  return tokens;
}
