import { SemanticError } from '../../core/domain/errors.js';

export type JsonRecord = Readonly<Record<string, unknown>>;

/** Checks on what was read from a model's own JSON: `where` names the file and the key for the message. */
export function asRecord(value: unknown, where: string): JsonRecord {
  if (!isRecord(value)) throw wrong(where, 'an object', value);
  return value;
}

export function asArray(value: unknown, where: string): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(where, 'a list', value);
  return value;
}

export function asString(value: unknown, where: string): string {
  if (typeof value !== 'string') throw wrong(where, 'a string', value);
  return value;
}

/** A token id: a whole number from 0 on. */
export function asId(value: unknown, where: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0) throw wrong(where, 'a token id', value);
  return value;
}

/** `fallback` where the key is absent or null. */
export function asBoolean(value: unknown, fallback: boolean, where: string): boolean {
  if (value === undefined || value === null) return fallback;
  if (typeof value !== 'boolean') throw wrong(where, 'true or false', value);
  return value;
}

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function corrupt(message: string): SemanticError {
  return new SemanticError('ModelFileCorrupt', `[tokenizer] ${message}`, {
    hint: 'Download the model again, or take it from another publisher.',
  });
}

export function unsupported(message: string): SemanticError {
  return new SemanticError('ModelUnsupported', `[tokenizer] ${message}`, {
    hint: 'Byte-pair encoding (byte-level and SentencePiece style) and WordPiece are supported; choose a model that uses one of them.',
  });
}

function wrong(where: string, wanted: string, got: unknown): SemanticError {
  const shown = got === null ? 'null' : Array.isArray(got) ? 'a list' : typeof got === 'object' ? 'an object' : JSON.stringify(got);
  return corrupt(`${where}: wanted ${wanted}, got ${shown ?? 'nothing'}`);
}
