import { SemanticError } from '../../core/domain/errors.js';
import { changeKeys, type KeyOnFile } from './key-file.js';
import { hashSecret, newSecret, startOf } from './secret.js';

const NAME = /^[A-Za-z0-9][\w.-]{0,63}$/;

/** 0 = no limit; what is absent is as the settings have it. */
export type KeyLimits = Pick<KeyOnFile, 'requestsPerMinute' | 'tokensPerMinute'>;

/** Null as a name takes the first `key-<n>` that is free. The key is given back, and nowhere else any more. */
export async function addKey(
  path: string,
  wanted: string | null,
  limits: KeyLimits = {},
): Promise<{ readonly name: string; readonly key: string }> {
  if (wanted !== null && !NAME.test(wanted)) {
    throw new SemanticError('InvalidRequest', `[keys] ${JSON.stringify(wanted)} cannot be the name of a key`, {
      param: 'name',
      hint: 'A name has 1 to 64 letters, digits, dots, dashes and underscores, and begins with a letter or digit.',
    });
  }
  const key = newSecret();
  let name = '';
  await changeKeys(path, (keys) => {
    name = wanted ?? firstFree(keys);
    if (keys.some((one) => one.name === name)) {
      throw new SemanticError('KeyConflict', `[keys] there is a key ${name} already`, {
        hint: `Choose another name, or remove it first: semantic keys rm ${name}`,
      });
    }
    return [...keys, { name, start: startOf(key), sha256: hashSecret(key).toString('hex'), createdAt: Date.now(), ...limits }];
  });
  return { name, key };
}

function firstFree(keys: readonly KeyOnFile[]): string {
  const taken = new Set(keys.map(({ name }) => name));
  for (let n = 1; ; n++) if (!taken.has(`key-${n}`)) return `key-${n}`;
}
