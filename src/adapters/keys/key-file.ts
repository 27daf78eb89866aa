/** API keys on file: their names and hashes, readable and writable by their owner alone, replaced as a whole. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { replaceFile } from '../files/replace-file.js';

const fileSchema = z.strictObject({
  version: z.literal(1),
  keys: z.array(
    z.strictObject({
      name: z.string(),
      /** First characters of the key. */
      start: z.string(),
      /** Of the whole key, 64 hex digits. */
      sha256: z.string().regex(/^[\da-f]{64}$/),
      /** Milliseconds since 1970. */
      createdAt: z.number(),
      /** Its own limits, 0 = none; absent where those of the settings hold. */
      requestsPerMinute: z.int().min(0).optional(),
      tokensPerMinute: z.int().min(0).optional(),
    }),
  ),
});

export type KeyOnFile = z.output<typeof fileSchema>['keys'][number];

/** None where there is no file. Throws ConfigInvalid where it cannot be read or is something else. */
export function readKeys(path: string): readonly KeyOnFile[] {
  try {
    return fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).keys;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const why = cause instanceof z.ZodError ? 'it is no file of keys' : (cause as Error).message;
    throw new SemanticError('ConfigInvalid', `[keys] cannot read ${path}: ${why}`, {
      hint: 'Put it right, or remove it: then no key is valid any more.',
      cause,
    });
  }
}

/** What `change` makes of the keys takes their place, all or nothing. */
export function changeKeys(path: string, change: (keys: readonly KeyOnFile[]) => readonly KeyOnFile[]): Promise<void> {
  return replaceFile(path, 'keys', () => `${JSON.stringify({ version: 1, keys: change(readKeys(path)) }, null, 2)}\n`);
}
