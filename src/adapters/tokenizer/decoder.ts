import { bytesOfByteLevelToken } from './byte-alphabet.js';
import { asArray, asBoolean, asRecord, asString, unsupported, type JsonRecord } from './json-shape.js';
import { toPattern } from './normalizer.js';

export type EmitText = (text: string) => void;

/** One step from tokens back to text. It holds back what the next token may still change; `flush` lets it go. */
export interface DecoderStage {
  push(token: string, emit: EmitText): void;
  flush(emit: EmitText): void;
}

export interface DecoderFactory {
  /** Tokens of the byte-level alphabet. */
  readonly isByteLevel: boolean;
  create(): DecoderStage[];
}

type MakeStage = () => DecoderStage;

/** Builds the `decoder` of tokenizer.json. Decoding whole and decoding as a stream are the same stages. */
export function createDecoder(json: unknown): DecoderFactory {
  const steps = listSteps(json);
  const makers: MakeStage[] = [];
  let isFused = false; // stages from here on see one running text rather than tokens
  for (const step of steps) {
    const type = asString(step['type'], 'decoder.type');
    if (type === 'Fuse') isFused = true;
    else makers.push(createStage(type, step, isFused));
    if (type === 'ByteLevel') isFused = true;
  }
  if (steps.length === 0) makers.push(joinWithSpaces);
  return { isByteLevel: steps.some((step) => step['type'] === 'ByteLevel'), create: () => makers.map((make) => make()) };
}

function listSteps(json: unknown): JsonRecord[] {
  if (json === null || json === undefined) return [];
  const config = asRecord(json, 'decoder');
  if (config['type'] !== 'Sequence') return [config];
  return asArray(config['decoders'], 'decoder.decoders').flatMap(listSteps);
}

function createStage(type: string, config: JsonRecord, isFused: boolean): MakeStage {
  switch (type) {
    case 'ByteLevel':
      return decodeBytes;
    case 'ByteFallback':
      return decodeByteTokens;
    case 'Replace':
      return createReplace(config, isFused);
    case 'Strip':
      return createStrip(config, isFused);
    case 'Metaspace':
      return createMetaspace(config, isFused);
    case 'WordPiece':
      return createWordPieceDecoder(config, isFused);
    default:
      throw unsupported(`decoder ${JSON.stringify(type)} is not supported`);
  }
}

/** UTF-8 held back until it is complete; what is invalid becomes U+FFFD by the WHATWG rule, which is also Rust's. */
function decodeBytes(): DecoderStage {
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    push: (token, emit) => emit(utf8.decode(bytesOfByteLevelToken(token), { stream: true })),
    flush: (emit) => emit(utf8.decode()),
  };
}

/** A run of tokens <0x..> is text if all of it is valid UTF-8, else one U+FFFD for each byte; it is known at its end. */
function decodeByteTokens(): DecoderStage {
  const strict = new TextDecoder('utf-8', { ignoreBOM: true, fatal: true });
  let run: number[] = [];
  const endRun = (emit: EmitText) => {
    if (run.length === 0) return;
    emit(decodeRun(strict, run));
    run = [];
  };
  return {
    push(token, emit) {
      const byte = parseByteToken(token);
      if (byte !== null) {
        run.push(byte);
        return;
      }
      endRun(emit);
      emit(token);
    },
    flush: endRun,
  };
}

function decodeRun(strict: InstanceType<typeof TextDecoder>, run: readonly number[]): string {
  try {
    return strict.decode(Uint8Array.from(run));
  } catch {
    return '\uFFFD'.repeat(run.length);
  }
}

/** The byte of `<0x0A>`, else null. */
export function parseByteToken(token: string): number | null {
  return /^<0x[0-9A-Fa-f]{2}>$/.test(token) ? Number.parseInt(token.slice(3, 5), 16) : null;
}

function createReplace(config: JsonRecord, isFused: boolean): MakeStage {
  const pattern = toPattern(config['pattern'], 'decoder.pattern');
  const content = asString(config['content'], 'decoder.content');
  const single = asRecord(config['pattern'], 'decoder.pattern')['String'];
  if (isFused && !(typeof single === 'string' && [...single].length === 1)) {
    throw unsupported('a decoder that replaces more than one character after Fuse is not supported');
  }
  return mapTokens((token) => token.replace(pattern, () => content));
}

function createStrip(config: JsonRecord, isFused: boolean): MakeStage {
  const content = asString(config['content'], 'decoder.content');
  const [start, stop] = [Number(config['start'] ?? 0), Number(config['stop'] ?? 0)];
  if (!isFused) return mapTokens((token) => stripEnd(stripStart(token, content, start), content, stop));
  if (stop > 0) throw unsupported('a decoder that strips the end of the text is not supported');
  return () => {
    let left = start; // how many may still be stripped
    return {
      push(text, emit) {
        if (text === '') return;
        const rest = stripStart(text, content, left);
        left = rest === '' ? left - text.length : 0;
        emit(rest);
      },
      flush: () => undefined,
    };
  };
}

function stripStart(text: string, content: string, most: number): string {
  let cut = 0;
  while (cut < most && text[cut] === content) cut++;
  return text.slice(cut);
}

function stripEnd(text: string, content: string, most: number): string {
  let cut = 0;
  while (cut < most && cut < text.length && text[text.length - 1 - cut] === content) cut++;
  return text.slice(0, text.length - cut);
}

function createMetaspace(config: JsonRecord, isFused: boolean): MakeStage {
  if (isFused) throw unsupported('a Metaspace decoder after Fuse is not supported');
  const replacement = asString(config['replacement'], 'decoder.replacement');
  const legacy = asBoolean(config['add_prefix_space'], true, 'decoder.add_prefix_space') ? 'always' : 'never';
  const dropsFirst = asString(config['prepend_scheme'] ?? legacy, 'decoder.prepend_scheme') !== 'never';
  return () => {
    let isFirst = true;
    return {
      push(token, emit) {
        emit(token.replaceAll(replacement, isFirst && dropsFirst ? '' : ' '));
        isFirst = false;
      },
      flush: () => undefined,
    };
  };
}

/** What `cleanup` takes the space out of, in order. */
const TIDY: readonly (readonly [string, string])[] = [
  [' .', '.'],
  [' ?', '?'],
  [' !', '!'],
  [' ,', ','],
  [" ' ", "'"],
  [" n't", "n't"],
  [" 'm", "'m"],
  [' do not', " don't"],
  [" 's", "'s"],
  [" 've", "'ve"],
  [" 're", "'re"],
];

function createWordPieceDecoder(config: JsonRecord, isFused: boolean): MakeStage {
  if (isFused) throw unsupported('a WordPiece decoder after Fuse is not supported');
  const prefix = asString(config['prefix'] ?? '##', 'decoder.prefix');
  const cleanup = asBoolean(config['cleanup'], true, 'decoder.cleanup');
  const tidied = (text: string): string => TIDY.reduce((done, [spaced, tidy]) => done.replaceAll(spaced, tidy), text);
  return () => {
    let isFirst = true;
    return {
      push(token, emit) {
        const text = isFirst ? token : token.startsWith(prefix) ? token.slice(prefix.length) : ` ${token}`;
        isFirst = false;
        emit(cleanup ? tidied(text) : text);
      },
      flush: () => undefined,
    };
  };
}

function joinWithSpaces(): DecoderStage {
  let isFirst = true;
  return {
    push(token, emit) {
      emit(isFirst ? token : ` ${token}`);
      isFirst = false;
    },
    flush: () => undefined,
  };
}

function mapTokens(change: (token: string) => string): MakeStage {
  return () => ({ push: (token, emit) => emit(change(token)), flush: () => undefined });
}
