/** Writes what a GGUF file says about its tokens as the files that Hugging Face's folders have. */
import type { BpeDefinition } from './bpe-model.js';
import { isRecord, unsupported } from './json-shape.js';
import type { TokenizerSource } from './tokenizer-source.js';

/** Name -> text: tokenizer.json, tokenizer_config.json, and the chat template where there is one. Throws ModelUnsupported. */
export function tokenizerFiles(source: TokenizerSource, maxLength: number): [string, string][] {
  const { frame, chatTemplate, bosToken, eosToken } = source;
  const templates = chatTemplate.templates;
  const named =
    templates === null || templates.toolUse === null
      ? undefined
      : [
          ['default', templates.default],
          ['tool_use', templates.toolUse],
        ];
  const settings = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    model_max_length: maxLength,
    ...chatTemplate.namedTokens,
    ...(bosToken === null ? {} : { bos_token: bosToken }),
    ...(eosToken === null ? {} : { eos_token: eosToken }),
    add_bos_token: (frame?.before.length ?? 0) > 0,
    add_eos_token: (frame?.after.length ?? 0) > 0,
    clean_up_tokenization_spaces: false,
    ...(named === undefined ? {} : { chat_template: named.map(([name, template]) => ({ name, template })) }),
  };
  const files: [string, string][] = [
    ['tokenizer.json', JSON.stringify(definitionOf(source))],
    ['tokenizer_config.json', `${JSON.stringify(settings, null, 2)}\n`],
  ];
  if (templates !== null && named === undefined) files.push(['chat_template.jinja', templates.default]);
  return files;
}

function definitionOf({ definition, frame }: TokenizerSource): object {
  const { model, addedTokens, normalizer, preTokenizer, decoder } = definition;
  if (!('merges' in model)) throw unsupported('only BPE vocabularies are written as tokenizer.json');
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: addedTokens.map(({ id, content, singleWord, lstrip, rstrip, normalized, special }) => ({
      id,
      content,
      single_word: singleWord,
      lstrip,
      rstrip,
      normalized,
      special,
    })),
    normalizer,
    pre_tokenizer: complete(preTokenizer),
    post_processor: processorOf(frame, model),
    decoder: complete(decoder),
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: model.unkToken,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: model.fuseUnk,
      byte_fallback: model.byteFallback,
      ignore_merges: model.ignoreMerges,
      vocab: Object.fromEntries(model.vocab),
      merges: model.merges.map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge)),
    },
  };
}

/** `tokenizers` wants every field of a ByteLevel part. */
function complete(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(complete);
  if (!isRecord(part)) return part;
  const fields = Object.fromEntries(Object.entries(part).map(([key, value]) => [key, complete(value)]));
  return part['type'] === 'ByteLevel' ? { add_prefix_space: false, trim_offsets: true, use_regex: true, ...fields } : fields;
}

function processorOf(frame: TokenizerSource['frame'], { vocab }: BpeDefinition): object | null {
  const ids = [...(frame?.before ?? []), ...(frame?.after ?? [])];
  if (ids.length === 0) return null;
  const texts = new Map([...vocab].map(([text, id]) => [id, text]));
  const token = (type: number) => (id: number) => ({ SpecialToken: { id: texts.get(id)!, type_id: type } });
  const sequence = (id: 'A' | 'B', type: number) => [
    ...(frame?.before ?? []).map(token(type)),
    { Sequence: { id, type_id: type } },
    ...(frame?.after ?? []).map(token(type)),
  ];
  return {
    type: 'TemplateProcessing',
    single: sequence('A', 0),
    pair: [...sequence('A', 0), ...sequence('B', 1)],
    special_tokens: Object.fromEntries(
      [...new Set(ids)].map((id) => [texts.get(id)!, { id: texts.get(id)!, ids: [id], tokens: [texts.get(id)!] }]),
    ),
  };
}
