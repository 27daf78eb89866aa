import type { Setting } from './settings.js';
import { environmentName } from './settings.js';

/** `SEMANTIC_*` variables that are not settings. */
const RESERVED = new Set(['SEMANTIC_HOME', 'SEMANTIC_ENV']);

/**
 * The settings among the variables. A `SEMANTIC_*` name that is no setting is passed on under its own name, so that it
 * is reported as unknown. Text becomes a number, true and false, or a list (of what is between commas), where the key's default is one.
 */
export function readEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  defaults: ReadonlyMap<string, unknown>,
  source: string,
): Setting[] {
  const keys = new Map([...defaults.keys()].map((key) => [environmentName(key), key]));
  return Object.entries(variables).flatMap(([name, text]) => {
    if (text === undefined || !name.startsWith('SEMANTIC_') || RESERVED.has(name)) return [];
    const key = keys.get(name);
    return [{ key: key ?? name, value: asTypeOf(defaults.get(key ?? ''), text), source: `${source} ${name}` }];
  });
}

function asTypeOf(example: unknown, text: string): unknown {
  if (typeof example === 'number') return asNumber(text);
  if (Array.isArray(example)) return asList(text);
  if (typeof example === 'boolean') return text === 'true' || (text === 'false' ? false : text);
  return text;
}

function asNumber(text: string): unknown {
  return text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text);
}

function asList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim());
  return parts.filter((part) => part !== '');
}
