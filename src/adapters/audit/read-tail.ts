/** The end of a file of lines, however long it is. */
import type { FileHandle } from 'node:fs/promises';

export interface Tail {
  /** The last complete line, without its break; null where there is none. */
  readonly line: string | null;
  /** Bytes behind it: a line that was not written to its end. */
  readonly torn: Buffer;
  /** Bytes of the file without them. */
  readonly size: number;
}

const FIRST_WINDOW = 16_384;
const BREAK = 0x0a;

export async function readTail(file: FileHandle): Promise<Tail> {
  const { size } = await file.stat();
  for (let window = Math.min(size, FIRST_WINDOW); ; window = Math.min(size, window * 4)) {
    const bytes = await readAt(file, size - window, window);
    const end = bytes.lastIndexOf(BREAK);
    const start = end < 1 ? -1 : bytes.lastIndexOf(BREAK, end - 1);
    if (start < 0 && window < size) continue;
    const torn = bytes.subarray(end + 1);
    return { line: end < 0 ? null : bytes.toString('utf8', start + 1, end), torn, size: size - torn.length };
  }
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
