/** What a folder of sentence-transformers says about pooling and length, beside config.json. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import type { Pooling } from '../../core/domain/pooling.js';
import { fileMissing } from './file-errors.js';

export interface SentenceSettings {
  /** Where the folder says nothing it is the mean, as the reference has it. */
  readonly pooling: Pooling;
  /** Tokens after which the reference cuts; null = it does not say. */
  readonly maxTokens: number | null;
}

const MODES: Readonly<Record<string, Pooling>> = {
  pooling_mode_mean_tokens: 'mean',
  pooling_mode_cls_token: 'first',
  pooling_mode_lasttoken: 'last',
};

/** Throws ModelFileCorrupt for files that are no JSON, ModelUnsupported for a way of pooling that is not known. */
export async function readSentenceSettings(folder: string): Promise<SentenceSettings> {
  const pooling = await readJson(folder, '1_Pooling/config.json');
  const length = (await readJson(folder, 'sentence_bert_config.json'))?.['max_seq_length'];
  return {
    pooling: pooling === null ? 'mean' : readPooling(pooling),
    maxTokens: typeof length === 'number' && Number.isSafeInteger(length) && length > 0 ? length : null,
  };
}

function readPooling(config: Readonly<Record<string, unknown>>): Pooling {
  const modes = Object.keys(config).filter((key) => key.startsWith('pooling_mode_') && config[key] === true);
  const pooling = modes.length === 1 ? MODES[modes[0]!] : undefined;
  if (pooling !== undefined) return pooling;
  throw new SemanticError(
    'ModelUnsupported',
    `[model_files.sentence] 1_Pooling/config.json: wanted one of ${Object.keys(MODES).join(', ')}, got ${modes.join(' and ') || 'none'}`,
  );
}

async function readJson(folder: string, name: string): Promise<Readonly<Record<string, unknown>> | null> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && (cause.code === 'ENOENT' || cause.code === 'ENOTDIR')) return null; // a GGUF file has none beside it
    throw fileMissing(path, cause);
  }
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as Record<string, unknown>;
  } catch (cause) {
    throw corrupt(path, cause);
  }
  throw corrupt(path);
}

function corrupt(path: string, cause?: unknown): SemanticError {
  return new SemanticError('ModelFileCorrupt', `[model_files.sentence] ${path}: wanted a JSON object`, {
    hint: 'Fetch the model again.',
    cause,
  });
}
