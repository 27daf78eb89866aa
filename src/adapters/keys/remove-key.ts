import { SemanticError } from '../../core/domain/errors.js';
import { suggest } from '../suggest/suggest.js';
import { changeKeys, type KeyOnFile, readKeys } from './key-file.js';

/** Throws KeyNotFound. */
export function findKey(path: string, name: string): KeyOnFile {
  return find(readKeys(path), name);
}

export async function removeKey(path: string, name: string): Promise<void> {
  await changeKeys(path, (keys) => {
    const gone = find(keys, name);
    return keys.filter((key) => key !== gone);
  });
}

function find(keys: readonly KeyOnFile[], name: string): KeyOnFile {
  const key = keys.find((one) => one.name === name);
  if (key !== undefined) return key;
  const names = keys.map((one) => one.name);
  throw new SemanticError('KeyNotFound', `[keys] there is no key ${name}`, { hint: suggest(name, names) ?? 'See semantic keys ls.' });
}
