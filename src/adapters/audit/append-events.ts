/** Writes events behind what is there, and says in the log what was not right with its end. */
import { type FileHandle, open, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { ofTheLog, type TimedEvent } from './audit-event.js';
import { headOf, nextOldFile, oldFiles } from './audit-files.js';
import { readHead, writeHead } from './head-file.js';
import { readTail, type Tail } from './read-tail.js';
import { BEGINNING, type Link, readLine, seal } from './sealed-line.js';
import { forgetTorn, keepTorn, tornEvents } from './torn-line.js';

/** With the lock held. All of them are on disk when it resolves; when it rejects none is, or the rest of one that the next call recovers. */
export async function appendEvents(path: string, maxBytes: number, events: readonly TimedEvent[]): Promise<void> {
  let file = await open(path, 'a+', 0o600);
  try {
    const tail = await readTail(file);
    if (tail.torn.length > 0) {
      await keepTorn(path, tail.torn);
      await file.truncate(tail.size);
    }
    const { behind, told } = await placeToGoOn(path, tail);
    const all = [...told, ...(await tornEvents(path)), ...events];
    if (tail.size > maxBytes) {
      const old = nextOldFile(path);
      await file.close();
      await rename(path, old);
      file = await open(path, 'a+', 0o600);
      all.unshift(ofTheLog('log.rotated', { bytes: tail.size }, basename(old)));
    }
    await writeHead(headOf(path), await write(file, all, behind));
    await forgetTorn(path);
  } finally {
    await file.close();
  }
}

/** Behind which line to write. Where the log ends before its head, behind the head: the break stays to be seen. */
async function placeToGoOn(path: string, tail: Tail): Promise<{ readonly behind: Link; readonly told: readonly TimedEvent[] }> {
  const text = tail.line ?? (await lastOldLine(path));
  const last = text === null ? BEGINNING : readLine(text);
  const head = await readHead(headOf(path));
  if (head === null) {
    if (text === null) await writeHead(headOf(path), BEGINNING); // from now on there is one
    const told = text === null ? [] : [ofTheLog('log.damaged', { what: 'the file that says which line is the last was gone' })];
    return { behind: last ?? BEGINNING, told };
  }
  if (last === null) return { behind: head, told: [ofTheLog('log.damaged', { what: 'the last line was not one of the log' })] };
  if (last.seq > head.seq || last.hash === head.hash) return { behind: last, told: [] };
  const what = last.seq === head.seq ? 'the last line was not the one that was written' : 'lines were missing at the end';
  return { behind: head, told: [ofTheLog('log.damaged', { what, wanted: head.seq, got: last.seq })] };
}

async function lastOldLine(path: string): Promise<string | null> {
  for (const old of oldFiles(path).toReversed()) {
    const file = await open(old, 'r');
    try {
      const { line } = await readTail(file);
      if (line !== null) return line;
    } finally {
      await file.close();
    }
  }
  return null;
}

/** The last line that was written. */
async function write(file: FileHandle, events: readonly TimedEvent[], behind: Link): Promise<Link> {
  let last = behind;
  let text = '';
  for (const event of events) {
    const line = seal(event, last);
    text += line.text;
    last = line;
  }
  const { size } = await file.stat();
  try {
    await file.appendFile(text);
    await file.datasync();
  } catch (error) {
    await file.truncate(size).catch(() => undefined); // else the next one finds a torn line
    throw error;
  }
  return last;
}
