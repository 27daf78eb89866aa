/** A log file from its end, and on as it is written, through its being exchanged for a new one. */
import { open, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

export interface ReadLogOptions {
  readonly lines: number;
  readonly isFollowing: boolean;
  /** One line, without its end. */
  readonly write: (line: string) => void;
}

const PIECE_BYTES = 65_536;
const POLL_MS = 250;

/** Ends at the end of the file, or never where it follows. Throws what opening the file does. */
export async function readLog(path: string, { lines, isFollowing, write }: ReadLogOptions): Promise<void> {
  let file = await open(path);
  try {
    let at = await startOf(file, lines);
    let rest = '';
    const decoder = new TextDecoder();
    const piece = Buffer.alloc(PIECE_BYTES);
    for (;;) {
      const { bytesRead } = await file.read(piece, 0, PIECE_BYTES, at);
      at += bytesRead;
      const complete = (rest + decoder.decode(piece.subarray(0, bytesRead), { stream: true })).split('\n');
      rest = complete.pop()!;
      complete.forEach(write);
      if (bytesRead > 0) continue;
      if (!isFollowing) break;
      await sleep(POLL_MS);
      const next = await exchanged(path, file);
      if (next === null) continue;
      await file.close();
      [file, at] = [next, 0];
    }
    if (rest !== '') write(rest);
  } finally {
    await file.close();
  }
}

type File = Awaited<ReturnType<typeof open>>;

/** Where the last so many lines begin. */
async function startOf(file: File, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  const piece = Buffer.alloc(PIECE_BYTES);
  let missing = lines;
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - PIECE_BYTES);
    await file.read(piece, 0, end - start, start);
    for (let i = end - start - 1; i >= 0; i--) {
      if (piece[i] !== NEWLINE || start + i === size - 1) continue;
      missing -= 1;
      if (missing === 0) return start + i + 1;
    }
    end = start;
  }
  return 0;
}

const NEWLINE = 10;

/** The file that has taken its name meanwhile; null where none has. */
async function exchanged(path: string, file: File): Promise<File | null> {
  const [now, { ino }] = await Promise.all([stat(path).catch(() => null), file.stat()]);
  return now === null || now.ino === ino ? null : open(path);
}
