import { asArray, asId, asRecord, asString, corrupt, isRecord, unsupported } from './json-shape.js';

/** Ids put before and after the text where special tokens are added. */
export interface SpecialTokenFrame {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

const NOTHING: SpecialTokenFrame = { before: [], after: [] };

/** Builds the `post_processor` of tokenizer.json, for single sequences. */
export function createPostProcessor(json: unknown): SpecialTokenFrame {
  if (json === null || json === undefined) return NOTHING;
  const config = asRecord(json, 'post_processor');
  const type = asString(config['type'], 'post_processor.type');
  switch (type) {
    case 'ByteLevel': // only moves offsets
      return NOTHING;
    case 'Sequence':
      return asArray(config['processors'], 'post_processor.processors')
        .map(createPostProcessor)
        .reduce((inner, outer) => ({ before: [...outer.before, ...inner.before], after: [...inner.after, ...outer.after] }), NOTHING);
    case 'BertProcessing':
    case 'RobertaProcessing':
      return { before: [pairId(config['cls'], 'cls')], after: [pairId(config['sep'], 'sep')] };
    case 'TemplateProcessing':
      return readTemplate(asArray(config['single'], 'post_processor.single'), config['special_tokens']);
    default:
      throw unsupported(`post-processor ${JSON.stringify(type)} is not supported`);
  }
}

function readTemplate(single: readonly unknown[], specialTokens: unknown): SpecialTokenFrame {
  const before: number[] = [];
  const after: number[] = [];
  let seenText = false;
  for (const [i, entry] of single.entries()) {
    const piece = asRecord(entry, `post_processor.single[${i}]`);
    if (isRecord(piece['Sequence'])) {
      if (seenText) throw unsupported('a post-processor that repeats the text is not supported');
      seenText = true;
      continue;
    }
    const name = asString(asRecord(piece['SpecialToken'], `post_processor.single[${i}]`)['id'], `post_processor.single[${i}].id`);
    (seenText ? after : before).push(...specialTokenIds(specialTokens, name));
  }
  if (!seenText) throw unsupported('a post-processor without the text is not supported');
  return { before, after };
}

function specialTokenIds(specialTokens: unknown, name: string): number[] {
  const token = asRecord(specialTokens, 'post_processor.special_tokens')[name];
  if (token === undefined) throw corrupt(`post_processor.special_tokens has no ${JSON.stringify(name)}`);
  const where = `post_processor.special_tokens[${JSON.stringify(name)}].ids`;
  return asArray(asRecord(token, where)['ids'], where).map((id) => asId(id, where));
}

function pairId(json: unknown, key: string): number {
  return asId(asArray(json, `post_processor.${key}`)[1], `post_processor.${key}[1]`);
}
