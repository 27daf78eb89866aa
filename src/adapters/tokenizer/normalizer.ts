import { createBertNormalizer } from './bert-text.js';
import { asArray, asBoolean, asRecord, asString, unsupported } from './json-shape.js';
import { translateRegex } from './translate-regex.js';

export type Normalizer = (text: string) => string;

/** Builds the `normalizer` of tokenizer.json; null = the text as it is. */
export function createNormalizer(json: unknown): Normalizer {
  if (json === null || json === undefined) return (text) => text;
  const config = asRecord(json, 'normalizer');
  const type = asString(config['type'], 'normalizer.type');
  switch (type) {
    case 'Sequence': {
      const steps = asArray(config['normalizers'], 'normalizer.normalizers').map(createNormalizer);
      return (text) => steps.reduce((done, step) => step(done), text);
    }
    case 'NFC':
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(type);
    case 'Lowercase':
      return lowercase;
    case 'BertNormalizer':
      return createBertNormalizer(config, lowercase);
    case 'Prepend': {
      const prefix = asString(config['prepend'], 'normalizer.prepend');
      return (text) => (text === '' ? '' : prefix + text);
    }
    case 'Replace': {
      const content = asString(config['content'], 'normalizer.content');
      const pattern = toPattern(config['pattern'], 'normalizer.pattern');
      const literal = content.replaceAll('$', '$$$$');
      return (text) => text.replace(pattern, literal);
    }
    case 'Strip': {
      const left = asBoolean(config['strip_left'], true, 'normalizer.strip_left') ? /^\p{White_Space}+/u : /^$/u;
      const right = asBoolean(config['strip_right'], true, 'normalizer.strip_right') ? /\p{White_Space}+$/u : /^$/u;
      return (text) => text.replace(left, '').replace(right, '');
    }
    case 'StripAccents':
      return (text) => text.replace(/\p{Mn}/gu, '');
    default:
      throw unsupported(`normalizer ${JSON.stringify(type)} is not supported`);
  }
}

/** Each character by itself: no final sigma. */
function lowercase(text: string): string {
  return text.replace(/\P{ASCII}/gu, (char) => char.toLowerCase()).replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

/** `{"String": s}` or `{"Regex": r}` as a RegExp with the flag g. */
export function toPattern(json: unknown, where: string): RegExp {
  const config = typeof json === 'string' ? { String: json } : asRecord(json, where);
  if (typeof config['Regex'] === 'string') return translateRegex(config['Regex']);
  const text = asString(config['String'], `${where}.String`);
  return new RegExp(text.replace(/[\^$\\.*+?()[\]{}|/]/g, '\\$&'), 'gu');
}
