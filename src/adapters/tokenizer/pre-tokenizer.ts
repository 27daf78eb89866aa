import { asArray, asBoolean, asRecord, asString, unsupported, type JsonRecord } from './json-shape.js';
import { toPattern } from './normalizer.js';
import { splitText, toSplitBehavior, type SplitBehavior } from './split-behavior.js';
import { translateRegex } from './translate-regex.js';

/** Cuts text into words, which are encoded each by itself. `isStart` = the text begins the whole input. */
export type PreTokenize = (text: string, isStart: boolean, emit: (word: string, isStart: boolean) => void) => void;

export interface PreTokenizer {
  readonly split: PreTokenize;
  /** The vocabulary holds bytes in GPT-2's alphabet rather than text. */
  readonly isByteLevel: boolean;
}

/** What the ByteLevel pre-tokenizer splits with unless told not to. */
const GPT2_PATTERN = String.raw`'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`;
const PUNCTUATION = String.raw`[\p{P}$+<=>^\x60|~]`;

/** Builds the `pre_tokenizer` of tokenizer.json; null = one word. */
export function createPreTokenizer(json: unknown): PreTokenizer {
  if (json === null || json === undefined) return { split: (text, isStart, emit) => emit(text, isStart), isByteLevel: false };
  const config = asRecord(json, 'pre_tokenizer');
  const type = asString(config['type'], 'pre_tokenizer.type');
  switch (type) {
    case 'Sequence':
      return createSequence(asArray(config['pretokenizers'], 'pre_tokenizer.pretokenizers').map(createPreTokenizer));
    case 'ByteLevel':
      return { split: createByteLevel(config), isByteLevel: true };
    case 'Split': {
      const behavior = toSplitBehavior(asString(config['behavior'], 'pre_tokenizer.behavior'));
      const invert = asBoolean(config['invert'], false, 'pre_tokenizer.invert');
      return textual(splitWith(toPattern(config['pattern'], 'pre_tokenizer.pattern'), behavior, invert));
    }
    case 'Digits': {
      const individual = asBoolean(config['individual_digits'], false, 'pre_tokenizer.individual_digits');
      return textual(splitWith(translateRegex(individual ? '\\p{N}' : '\\p{N}+'), 'Isolated', false));
    }
    case 'Punctuation':
      return textual(
        splitWith(
          translateRegex(PUNCTUATION),
          toSplitBehavior(asString(config['behavior'] ?? 'Isolated', 'pre_tokenizer.behavior')),
          false,
        ),
      );
    case 'Whitespace':
      return textual(splitWith(translateRegex('\\w+|[^\\w\\s]+'), 'Removed', true));
    case 'WhitespaceSplit':
      return textual(splitWith(translateRegex('\\s'), 'Removed', false));
    case 'Metaspace':
      return textual(createMetaspace(config));
    default:
      throw unsupported(`pre-tokenizer ${JSON.stringify(type)} is not supported`);
  }
}

function textual(split: PreTokenize): PreTokenizer {
  return { split, isByteLevel: false };
}

function splitWith(pattern: RegExp, behavior: SplitBehavior, invert: boolean): PreTokenize {
  return (text, isStart, emit) =>
    splitText(text, pattern, behavior, invert, (start, end) => emit(text.slice(start, end), isStart && start === 0));
}

function createSequence(steps: readonly PreTokenizer[]): PreTokenizer {
  // After ByteLevel a step would see the byte alphabet, which our ByteLevel leaves to the model.
  if (steps.slice(0, -1).some((step) => step.isByteLevel)) {
    throw unsupported('a pre-tokenizer after ByteLevel is not supported');
  }
  const split = steps.reduceRight<PreTokenize>(
    (rest, step) => (text, isStart, emit) => step.split(text, isStart, (word, start) => rest(word, start, emit)),
    (text, isStart, emit) => emit(text, isStart),
  );
  return { split, isByteLevel: steps.at(-1)?.isByteLevel ?? false };
}

function createByteLevel(config: JsonRecord): PreTokenize {
  const addPrefixSpace = asBoolean(config['add_prefix_space'], true, 'pre_tokenizer.add_prefix_space');
  const useRegex = asBoolean(config['use_regex'], true, 'pre_tokenizer.use_regex');
  const words: PreTokenize = useRegex
    ? splitWith(translateRegex(GPT2_PATTERN), 'Isolated', false)
    : (text, isStart, emit) => emit(text, isStart);
  if (!addPrefixSpace) return words;
  return (text, isStart, emit) => words(text.startsWith(' ') ? text : ` ${text}`, isStart, emit);
}

function createMetaspace(config: JsonRecord): PreTokenize {
  const replacement = asString(config['replacement'], 'pre_tokenizer.replacement');
  // Before `prepend_scheme` there was the flag `add_prefix_space`.
  const legacy = asBoolean(config['add_prefix_space'], true, 'pre_tokenizer.add_prefix_space') ? 'always' : 'never';
  const scheme = asString(config['prepend_scheme'] ?? legacy, 'pre_tokenizer.prepend_scheme');
  const cuts = asBoolean(config['split'], true, 'pre_tokenizer.split');
  const words = splitWith(toPattern({ String: replacement }, 'pre_tokenizer.replacement'), 'MergedWithNext', false);
  return (text, isStart, emit) => {
    const replaced = text.replaceAll(' ', replacement);
    const prepends = (scheme === 'always' || (scheme === 'first' && isStart)) && !replaced.startsWith(replacement);
    const whole = prepends ? replacement + replaced : replaced;
    if (cuts) words(whole, isStart, emit);
    else emit(whole, isStart);
  };
}
