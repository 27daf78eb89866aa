import { bertWords } from './bert-text.js';
import { asArray, asBoolean, asRecord, asString, unsupported, type JsonRecord } from './json-shape.js';
import { toPattern } from './normalizer.js';
import { splitText, toSplitBehavior, type SplitBehavior } from './split-behavior.js';
import { translateRegex } from './translate-regex.js';

/** What is encoded by itself. `isStart` = it begins the whole input. */
export interface Word {
  readonly text: string;
  readonly isStart: boolean;
}

/** Cuts text into words, one by one as they are asked for: a long text takes long. */
export type PreTokenize = (text: string, isStart: boolean) => Iterable<Word>;

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
  if (json === null || json === undefined) return { split: whole, isByteLevel: false };
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
    case 'BertPreTokenizer':
      return textual(bertWords);
    case 'Metaspace':
      return textual(createMetaspace(config));
    default:
      throw unsupported(`pre-tokenizer ${JSON.stringify(type)} is not supported`);
  }
}

function textual(split: PreTokenize): PreTokenizer {
  return { split, isByteLevel: false };
}

function whole(text: string, isStart: boolean): Iterable<Word> {
  return [{ text, isStart }];
}

function splitWith(pattern: RegExp, behavior: SplitBehavior, invert: boolean): PreTokenize {
  return function* words(text, isStart) {
    for (const { start, end } of splitText(text, pattern, behavior, invert))
      yield { text: text.slice(start, end), isStart: isStart && start === 0 };
  };
}

function createSequence(steps: readonly PreTokenizer[]): PreTokenizer {
  // After ByteLevel a step would see the byte alphabet, which our ByteLevel leaves to the model.
  if (steps.slice(0, -1).some((step) => step.isByteLevel)) {
    throw unsupported('a pre-tokenizer after ByteLevel is not supported');
  }
  const [last, ...before] = steps.map(({ split }) => split).reverse();
  const split = before.reduce<PreTokenize>(
    (rest, step) =>
      function* words(text, isStart) {
        for (const word of step(text, isStart)) yield* rest(word.text, word.isStart);
      },
    last ?? whole,
  );
  return { split, isByteLevel: steps.at(-1)?.isByteLevel ?? false };
}

function createByteLevel(config: JsonRecord): PreTokenize {
  const addPrefixSpace = asBoolean(config['add_prefix_space'], true, 'pre_tokenizer.add_prefix_space');
  const useRegex = asBoolean(config['use_regex'], true, 'pre_tokenizer.use_regex');
  const words: PreTokenize = useRegex ? splitWith(translateRegex(GPT2_PATTERN), 'Isolated', false) : whole;
  if (!addPrefixSpace) return words;
  return (text, isStart) => words(text.startsWith(' ') ? text : ` ${text}`, isStart);
}

function createMetaspace(config: JsonRecord): PreTokenize {
  const replacement = asString(config['replacement'], 'pre_tokenizer.replacement');
  // Before `prepend_scheme` there was the flag `add_prefix_space`.
  const legacy = asBoolean(config['add_prefix_space'], true, 'pre_tokenizer.add_prefix_space') ? 'always' : 'never';
  const scheme = asString(config['prepend_scheme'] ?? legacy, 'pre_tokenizer.prepend_scheme');
  const cuts = asBoolean(config['split'], true, 'pre_tokenizer.split');
  const words = splitWith(toPattern({ String: replacement }, 'pre_tokenizer.replacement'), 'MergedWithNext', false);
  return (text, isStart) => {
    const replaced = text.replaceAll(' ', replacement);
    const prepends = (scheme === 'always' || (scheme === 'first' && isStart)) && !replaced.startsWith(replacement);
    const marked = prepends ? replacement + replaced : replaced;
    return (cuts ? words : whole)(marked, isStart);
  };
}
