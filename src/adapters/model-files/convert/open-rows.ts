import { open } from 'node:fs/promises';

/** Bytes of several files by their places; each file is open until `close`. */
export class OpenRows {
  readonly #files = new Map<string, Awaited<ReturnType<typeof open>>>();

  async read(path: string, offset: number, bytes: number): Promise<Buffer> {
    const file = this.#files.get(path) ?? (await open(path, 'r'));
    this.#files.set(path, file);
    const buffer = Buffer.alloc(bytes);
    let filled = 0;
    while (filled < bytes) {
      const { bytesRead } = await file.read(buffer, filled, bytes - filled, offset + filled);
      if (bytesRead === 0) throw new Error(`${path} ends at byte ${offset + filled}`);
      filled += bytesRead;
    }
    return buffer;
  }

  async close(): Promise<void> {
    for (const file of this.#files.values()) await file.close();
    this.#files.clear();
  }
}
