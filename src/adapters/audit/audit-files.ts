/** The files of a log: the current one, those before it, and what stands beside them. */
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

const DIGITS = 6;

/** Only one process has it at a time. */
export const lockOf = (path: string): string => `${path}.lock`;
/** Which line is the last: that lines are missing at the end is seen by it. */
export const headOf = (path: string): string => `${path}.head`;
/** What was cut off, until it is in the log. */
export const tornOf = (path: string): string => `${path}.torn`;

/** Full ones, the oldest first: `audit.log.000001`, ... */
export function oldFiles(path: string): readonly string[] {
  const [folder, name] = [dirname(path), basename(path)];
  const numberOf = (file: string): number => Number(new RegExp(`^\\.(\\d{${DIGITS},})$`).exec(file.slice(name.length))?.[1] ?? NaN);
  return namesIn(folder)
    .filter((file) => file.startsWith(name) && !Number.isNaN(numberOf(file)))
    .sort((a, b) => numberOf(a) - numberOf(b))
    .map((file) => join(folder, file));
}

/** What the current one becomes when it is full. */
export function nextOldFile(path: string): string {
  const last = oldFiles(path).at(-1);
  const number = last === undefined ? 0 : Number(last.slice(path.length + 1));
  return `${path}.${String(number + 1).padStart(DIGITS, '0')}`;
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
