/** Where an installed model came from, and the hashes its files had then: a file in its folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

export const ORIGIN_FILE = '.semantic.json';

const originSchema = z.strictObject({
  version: z.literal(1),
  /** As `models pull` takes it, with the revision it was then; or `convert` and what it was made of. */
  source: z.string(),
  /** Seconds since 1970. */
  made_at: z.number(),
  files: z.array(z.strictObject({ path: z.string(), bytes: z.number(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })),
});

export type Origin = z.output<typeof originSchema>;

/** Null where there is none, or it is damaged. */
export function readOrigin(folder: string): Origin | null {
  try {
    return originSchema.parse(JSON.parse(readFileSync(join(folder, ORIGIN_FILE), 'utf8')));
  } catch {
    return null;
  }
}

export function originText(source: string, files: Origin['files']): string {
  return `${JSON.stringify({ version: 1, source, made_at: Math.floor(Date.now() / 1000), files } satisfies Origin, null, 2)}\n`;
}
