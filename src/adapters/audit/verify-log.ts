/** Whether the log is what was written: every line, their order, and that none is missing. */
import { SemanticError } from '../../core/domain/errors.js';
import { type LogLine, openSnapshot } from './read-log.js';
import { BEGINNING, isIntact, type Link, readLine } from './sealed-line.js';

export interface VerifiedLog {
  readonly files: readonly string[];
  readonly lines: number;
  /** Of the last line: whoever keeps it elsewhere can tell later whether all up to there is as it was. */
  readonly hash: string;
  /** Bytes of a last line that was not written to its end; the next one will say so. */
  readonly torn: number;
}

/**
 * `holds`: a hash that one of the lines must have; null = none. Throws AuditBroken with the first line that is not right, and InvalidRequest where
 * there is no log.
 */
export async function verifyLog(path: string, holds: string | null = null): Promise<VerifiedLog> {
  const snapshot = await openSnapshot(path);
  const { files, head } = snapshot;
  let last: Link = BEGINNING;
  let torn = 0;
  let isHeld = holds === null;
  try {
    for await (const line of snapshot.lines()) {
      if (!line.isWhole && line.file === files.at(-1)) {
        torn = Buffer.byteLength(line.text);
        break;
      }
      last = next(line, last);
      if (head?.seq === last.seq && head.hash !== last.hash)
        throw broken(at(line), 'it is not the one that was written: its hash is another');
      isHeld ||= last.hash === holds;
    }
  } finally {
    await snapshot.close();
  }
  assertComplete(path, files, head, last);
  if (!isHeld) throw broken(path, `no line has the hash ${holds}: the log is not the one it was taken from`);
  return { files, lines: last.seq, hash: last.hash, torn };
}

function next(line: LogLine, { seq, hash }: Link): Link {
  const record = line.isWhole ? readLine(line.text) : null;
  if (record === null) throw broken(at(line), 'this is no line of an audit log');
  if (!isIntact(line.text, record)) throw broken(at(line), `it was changed: its hash is not that of its text (seq ${record.seq})`);
  if (record.seq !== seq + 1) throw broken(at(line), `lines are missing before it or were moved: wanted seq ${seq + 1}, got ${record.seq}`);
  if (record.previous !== hash) throw broken(at(line), `it was not written behind the line before it (seq ${record.seq})`);
  return record;
}

function assertComplete(path: string, files: readonly string[], head: Link | null, last: Link): void {
  if (files.length === 0 && head === null) {
    throw new SemanticError('InvalidRequest', `[audit] there is no audit log at ${path}`, {
      hint: 'A daemon makes one when it starts, unless audit.enabled is false.',
    });
  }
  if (head === null) throw broken(path, 'the file beside it that says which line is the last is gone or damaged');
  if (head.seq > last.seq) throw broken(path, `lines are missing at its end: wanted ${head.seq}, got ${last.seq}`);
}

function at({ file, number }: LogLine): string {
  return `${file}, line ${number}`;
}

function broken(where: string, what: string): SemanticError {
  return new SemanticError('AuditBroken', `[audit] ${where}: ${what}`, {
    hint: 'Lines before it are as they were written. Keep the files as they are, and find out who could write to them.',
  });
}
