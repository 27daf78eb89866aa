/** Names that users gave to installed models, on file: `*` in a name stands for anything. */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import { replaceFile } from '../files/replace-file.js';

const fileSchema = z.strictObject({ version: z.literal(1), aliases: z.record(z.string().min(1), z.string().min(1)) });

/** Name -> id of a model. */
export type Aliases = ReadonlyMap<string, string>;

/** None where there is no file. Throws ConfigInvalid where it cannot be read or is something else. */
export function readAliases(path: string): Aliases {
  try {
    return new Map(Object.entries(fileSchema.parse(JSON.parse(readFileSync(path, 'utf8'))).aliases));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return new Map();
    const why = cause instanceof z.ZodError ? 'it is no file of aliases' : (cause as Error).message;
    throw new SemanticError('ConfigInvalid', `[aliases] cannot read ${path}: ${why}`, {
      hint: 'Put it right, or remove it: then there are no aliases any more.',
      cause,
    });
  }
}

/** What `change` makes of the aliases takes their place, all or nothing. */
export function changeAliases(path: string, change: (aliases: Aliases) => Aliases): Promise<void> {
  return replaceFile(path, 'aliases', () => {
    const aliases = [...change(readAliases(path))].toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `${JSON.stringify({ version: 1, aliases: Object.fromEntries(aliases) }, null, 2)}\n`;
  });
}
