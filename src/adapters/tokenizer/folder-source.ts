import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import type { ChatTemplates } from '../chat-template/template-source.js';
import { fileMissing } from '../model-files/file-errors.js';
import { asArray, asId, asRecord, asString, corrupt, isRecord, unsupported, type JsonRecord } from './json-shape.js';
import { parseDefinition } from './parse-definition.js';
import type { SpecialTokenFrame } from './post-processor.js';
import type { TokenizerDefinition, TokenizerSource } from './tokenizer-source.js';

/** Reads the tokenizer files of a Hugging Face folder. Only tokenizer.json must be there. */
export async function readFolderSource(folder: string): Promise<TokenizerSource> {
  const [definitionJson, config, specialMap, generation, modelConfig, templateJson, templateText] = await Promise.all([
    readJson(folder, 'tokenizer.json'),
    readJson(folder, 'tokenizer_config.json'),
    readJson(folder, 'special_tokens_map.json'),
    readJson(folder, 'generation_config.json'),
    readJson(folder, 'config.json'),
    readJson(folder, 'chat_template.json'),
    readText(folder, 'chat_template.jinja'),
  ]);
  if (definitionJson === null) throw await noDefinition(folder);
  const definition = parseDefinition(definitionJson);
  const settings = { ...specialMap, ...config };
  const namedTokens = readNamedTokens(settings);
  const idOf = (name: string) => findId(definition, namedTokens[name]);
  const [bos, eos] = [idOf('bos_token'), idOf('eos_token')];
  return {
    definition,
    bosToken: namedTokens['bos_token'] ?? null,
    eosToken: namedTokens['eos_token'] ?? null,
    stopTokenIds: readStopIds(generation, modelConfig, eos),
    frame: readFrame(settings, bos, eos),
    chatTemplate: { templates: readTemplates(settings['chat_template'], templateJson, templateText), namedTokens },
  };
}

async function readText(folder: string, name: string): Promise<string | null> {
  try {
    return await readFile(join(folder, name), 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return null;
    throw fileMissing(join(folder, name), cause);
  }
}

async function readJson(folder: string, name: string): Promise<JsonRecord | null> {
  const text = await readText(folder, name);
  if (text === null) return null;
  try {
    return asRecord(JSON.parse(text), name);
  } catch (cause) {
    if (cause instanceof SemanticError) throw cause;
    throw corrupt(`${join(folder, name)} is not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

async function noDefinition(folder: string): Promise<SemanticError> {
  for (const name of ['tokenizer.model', 'vocab.json', 'spiece.model']) {
    if ((await readText(folder, name)) !== null) return unsupported(`${folder} has ${name} but no tokenizer.json, which is wanted`);
  }
  return fileMissing(join(folder, 'tokenizer.json'), Object.assign(new Error('no such file'), { code: 'ENOENT' }));
}

function findId({ model, addedTokens }: TokenizerDefinition, token: string | undefined): number | undefined {
  if (token === undefined) return undefined;
  return addedTokens.find((added) => added.content === token)?.id ?? model.vocab.get(token);
}

/** `bos_token` and the like: a string, or an object with `content`. */
function readNamedTokens(settings: JsonRecord): Record<string, string> {
  const tokens: Record<string, string> = {};
  for (const name of ['bos_token', 'eos_token', 'unk_token', 'pad_token', 'sep_token', 'cls_token', 'mask_token']) {
    const value = settings[name];
    if (value === undefined || value === null) continue;
    tokens[name] = asString(isRecord(value) ? value['content'] : value, `tokenizer_config.json ${name}`);
  }
  return tokens;
}

/** `add_bos_token` or `add_eos_token` in the settings replace the post-processor, as in transformers. */
function readFrame(settings: JsonRecord, bos: number | undefined, eos: number | undefined): SpecialTokenFrame | null {
  if (!('add_bos_token' in settings) && !('add_eos_token' in settings)) return null;
  return {
    before: settings['add_bos_token'] === true && bos !== undefined ? [bos] : [],
    after: settings['add_eos_token'] === true && eos !== undefined ? [eos] : [],
  };
}

/** generation_config.json says best, then config.json; the tokenizer's eos always counts. */
function readStopIds(generation: JsonRecord | null, config: JsonRecord | null, eos: number | undefined): number[] {
  const declared = generation?.['eos_token_id'] ?? config?.['eos_token_id'];
  const list =
    declared === undefined || declared === null ? [] : typeof declared === 'number' ? [declared] : asArray(declared, 'eos_token_id');
  const ids = list.map((id) => asId(id, 'generation_config.json eos_token_id'));
  return [...new Set(eos === undefined ? ids : [...ids, eos])];
}

/** chat_template.jinja before the settings before chat_template.json; the settings may hold a list of named ones. */
function readTemplates(inConfig: unknown, json: JsonRecord | null, text: string | null): ChatTemplates | null {
  if (text !== null) return { default: text, toolUse: null };
  const value = inConfig ?? json?.['chat_template'];
  if (value === undefined || value === null) return null;
  if (typeof value === 'string') return { default: value, toolUse: null };
  const named = new Map<string, string>();
  for (const [i, entry] of asArray(value, 'chat_template').entries()) {
    const { name, template } = asRecord(entry, `chat_template[${i}]`);
    named.set(asString(name, `chat_template[${i}].name`), asString(template, `chat_template[${i}].template`));
  }
  const main = named.get('default');
  if (main === undefined) throw corrupt(`chat_template: wanted one named "default", got ${[...named.keys()].join(', ') || 'none'}`);
  return { default: main, toolUse: named.get('tool_use') ?? null };
}
