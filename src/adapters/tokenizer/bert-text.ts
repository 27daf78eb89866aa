/** What BERT's tokenizers do to a text before its words are looked up: `BertNormalizer` and `BertPreTokenizer` of tokenizer.json. */
import { asBoolean, type JsonRecord } from './json-shape.js';
import { MARK, PUNCTUATION } from './unicode-8.js';

const CONTROL = /[\0\ufffd]|(?![\t\n\r])[\p{Cc}\p{Cf}\p{Co}]/gu;
const SPACE = /\p{White_Space}/gu;
/** Chinese characters, each of which is a word. */
const IDEOGRAPH =
  /[\u4e00-\u9fff\u3400-\u4dbf\u{20000}-\u{2a6df}\u{2a700}-\u{2b73f}\u{2b740}-\u{2b81f}\u{2b920}-\u{2ceaf}\uf900-\ufaff\u{2f800}-\u{2fa1f}]/gu;

export function createBertNormalizer(config: JsonRecord, lowercase: (text: string) => string): (text: string) => string {
  const flag = (key: string, fallback: boolean): boolean => asBoolean(config[key], fallback, `normalizer.${key}`);
  const [cleans, spaces, lowers] = [flag('clean_text', true), flag('handle_chinese_chars', true), flag('lowercase', true)];
  const strips = flag('strip_accents', lowers);
  return (text) => {
    let done = text;
    if (cleans) done = done.replace(CONTROL, '').replace(SPACE, ' ');
    if (spaces) done = done.replace(IDEOGRAPH, ' $& ');
    if (strips) done = done.normalize('NFD').replace(MARK, '');
    return lowers ? lowercase(done) : done;
  };
}

const WORD_END = new RegExp(`\\p{White_Space}|${PUNCTUATION.source}`, 'gu');

const WHITE = /^\p{White_Space}$/u;

/** Runs between white space, of which each punctuation character is one of its own. */
export function* bertWords(text: string, isStart: boolean): Generator<{ readonly text: string; readonly isStart: boolean }, void> {
  let done = 0;
  for (const match of text.matchAll(WORD_END)) {
    if (match.index > done) yield { text: text.slice(done, match.index), isStart: isStart && done === 0 };
    done = match.index + match[0].length;
    if (!WHITE.test(match[0])) yield { text: match[0], isStart: isStart && match.index === 0 };
  }
  if (done < text.length) yield { text: text.slice(done), isStart: isStart && done === 0 };
}
