import { readFileSync } from 'node:fs';
import { parse } from 'toml';
import { SemanticError } from '../../core/domain/errors.js';
import type { Setting } from './settings.js';

/** The settings of one TOML file; none if it is not there and need not be. */
export function readToml(path: string, { required }: { readonly required: boolean }): Setting[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if (!required && (cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new SemanticError('ConfigInvalid', `[config] cannot read ${path}: ${(cause as Error).message}`, { cause });
  }
  return flatten(parseToml(text, path), path);
}

function parseToml(text: string, path: string): Record<string, unknown> {
  try {
    return parse(text) as Record<string, unknown>;
  } catch (cause) {
    const { location, message } = cause as { location?: { start: { line: number; column: number } }; message: string };
    const at = location === undefined ? '' : `:${location.start.line}:${location.start.column}`;
    throw new SemanticError('ConfigInvalid', `[config] ${path}${at} is not TOML: ${message}`, { cause });
  }
}

function flatten(document: Record<string, unknown>, source: string): Setting[] {
  return Object.entries(document).flatMap(([section, content]) => {
    if (typeof content !== 'object' || content === null || Array.isArray(content)) return [{ key: section, value: content, source }];
    return Object.entries(content).map(([key, value]) => ({ key: `${section}.${key}`, value, source }));
  });
}
