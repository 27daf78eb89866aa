import { unsupported } from './json-shape.js';

/** What a `tokenizer.ggml.pre` name stands for, in the terms of tokenizer.json. */
export interface PreTokenizerPreset {
  readonly normalizer: unknown;
  readonly preTokenizer: unknown;
  readonly ignoreMerges: boolean;
  /** Where the file has no `tokenizer.ggml.add_bos_token`. */
  readonly addsBos: boolean;
}

const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]';
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]';
const LEAD = '[^\\r\\n\\p{L}\\p{N}]?';
const LINES_AND_SPACES = '\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** Letters in one word whatever their case; digits in groups. */
const words = (digits: string) => `${CONTRACTIONS}|${LEAD}\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|${LINES_AND_SPACES}`;
/** A word ends where upper case follows lower case. */
const casedWords = (suffix: string, digits: string) =>
  `${LEAD}${UPPER}*${LOWER}+${suffix}|${LEAD}${UPPER}+${LOWER}*${suffix}|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|${LINES_AND_SPACES}`;
const QWEN35_WORDS = `${CONTRACTIONS}|${LEAD}[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|${LINES_AND_SPACES}`;

const bytes = (useRegex: boolean) => ({ type: 'ByteLevel', add_prefix_space: false, use_regex: useRegex });
const sequence = (...pretokenizers: unknown[]) => ({ type: 'Sequence', pretokenizers });
const split = (pattern: string) =>
  sequence({ type: 'Split', pattern: { Regex: pattern }, behavior: 'Isolated', invert: false }, bytes(false));
const preset = (preTokenizer: unknown, more: Partial<PreTokenizerPreset> = {}): PreTokenizerPreset => ({
  normalizer: null,
  ignoreMerges: false,
  addsBos: false,
  ...more,
  preTokenizer,
});

const GPT2 = preset(bytes(true));
const SINGLE_DIGITS = preset(sequence({ type: 'Digits', individual_digits: true }, bytes(true)));
const LLAMA3 = preset(split(words('\\p{N}{1,3}')), { ignoreMerges: true, addsBos: true });
const QWEN2 = preset(split(words('\\p{N}')), { normalizer: { type: 'NFC' } });
const O200K = preset(split(casedWords(`${CONTRACTIONS}?`, '\\p{N}{1,3}')));
const TEKKEN = preset(split(casedWords('', '\\p{N}')), { ignoreMerges: true, addsBos: true });

const PRESETS: ReadonlyMap<string, PreTokenizerPreset> = new Map([
  ['default', GPT2],
  ['gpt-2', GPT2],
  ['phi-2', GPT2],
  ['smollm', SINGLE_DIGITS],
  ['starcoder', SINGLE_DIGITS],
  ['refact', SINGLE_DIGITS],
  ['command-r', SINGLE_DIGITS],
  ['llama-bpe', LLAMA3],
  ['llama3', LLAMA3],
  ['llama-v3', LLAMA3],
  ['qwen2', QWEN2],
  ['deepseek-r1-qwen', QWEN2],
  ['qwen35', preset(split(QWEN35_WORDS), { normalizer: { type: 'NFC' } })],
  ['gpt-4o', O200K],
  ['tekken', TEKKEN],
]);

/** Throws ModelUnsupported for a name that is not in the list: a guess would give wrong ids without a word. */
export function preTokenizerPreset(name: string | undefined): PreTokenizerPreset {
  const found = name === undefined ? undefined : PRESETS.get(name);
  if (found !== undefined) return found;
  const got = name === undefined ? 'the file names none' : `got ${JSON.stringify(name)}`;
  throw unsupported(`tokenizer.ggml.pre: wanted one of ${[...PRESETS.keys()].join(', ')}; ${got}`);
}
