/** Reads a recording and checks every line of it. A last line that was not written to its end, by a process that was killed, is left out. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { z } from 'zod';
import { SemanticError } from '../../core/domain/errors.js';
import {
  type Exchange,
  EXCHANGES_FILE,
  exchangeSchema,
  type Manifest,
  MANIFEST_FILE,
  manifestSchema,
  RECORDING_VERSION,
} from './format.js';

export interface Recording {
  readonly manifest: Manifest;
  /** In the order in which requests arrived. */
  readonly exchanges: readonly Exchange[];
  /** Bytes of a last line that has no end. */
  readonly tornBytes: number;
}

/** Throws InvalidRequest where the folder holds no recording, FileDamaged with file and line for what is not of the format. */
export async function readRecording(directory: string): Promise<Recording> {
  const manifest = checked(manifestSchema, json(await text(directory, MANIFEST_FILE), MANIFEST_FILE), MANIFEST_FILE);
  const lines = (await text(directory, EXCHANGES_FILE)).split('\n');
  const torn = lines.pop() ?? '';
  const exchanges = lines.map((line, i) => {
    const at = `${EXCHANGES_FILE} line ${i + 1}`;
    return checked(exchangeSchema, json(line, at), at);
  });
  const seen = new Set<number>();
  for (const { id } of exchanges) {
    if (seen.has(id)) throw damaged(EXCHANGES_FILE, `id ${id} is there twice`);
    seen.add(id);
  }
  exchanges.sort((a, b) => a.id - b.id);
  return { manifest, exchanges, tornBytes: Buffer.byteLength(torn) };
}

async function text(directory: string, file: string): Promise<string> {
  try {
    return await readFile(join(directory, file), 'utf8');
  } catch (cause) {
    throw new SemanticError(
      'InvalidRequest',
      `[recording] wanted a folder with ${MANIFEST_FILE} and ${EXCHANGES_FILE}, got ${directory}: ${(cause as Error).message}`,
      {
        hint: '`semantic record --out DIR` makes one, `semantic record import FILE --out DIR` reads others in.',
        cause,
      },
    );
  }
}

function json(line: string, at: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch (cause) {
    throw damaged(at, `it is no JSON: ${(cause as Error).message}`);
  }
}

function checked<T extends z.ZodType>(schema: T, value: unknown, at: string): z.output<T> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const place = (issue?.path ?? []).join('.');
  const hint = place === 'version' ? ` This program reads version ${RECORDING_VERSION}.` : '';
  throw damaged(at, `${place === '' ? 'it' : place}: ${issue?.message ?? 'not valid'}.${hint}`);
}

function damaged(at: string, what: string): SemanticError {
  return new SemanticError('FileDamaged', `[recording] ${at}: ${what}`, { hint: 'docs/recordings.md has the format.' });
}
