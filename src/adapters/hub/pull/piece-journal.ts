/** Which pieces of a file are on disk: a line for each, written after its bytes were synced; one that was cut does not count. */
import { appendFile, readFile, rm } from 'node:fs/promises';

export interface PieceJournal {
  readonly done: ReadonlySet<number>;
  /** Identity of the file as the server told it with the first piece; null before. */
  readonly etag: string | null;
  identify(etag: string): Promise<void>;
  add(piece: number): Promise<void>;
  remove(): Promise<void>;
}

/** `of`: what the journal has to be about, in a line; one about anything else begins anew. */
export async function openPieceJournal(path: string, of: string): Promise<PieceJournal> {
  const lines = (await readFile(path, 'utf8').catch(() => '')).split('\n').slice(0, -1);
  const isOurs = lines[0] === of;
  if (!isOurs) {
    await rm(path, { force: true });
    await appendFile(path, `${of}\n`, { mode: 0o600 });
  }
  const own = isOurs ? lines.slice(1) : [];
  const done = new Set(own.filter((line) => /^\d+$/.test(line)).map(Number));
  let etag = own.find((line) => line.startsWith('etag '))?.slice('etag '.length) ?? null;
  return {
    done,
    get etag() {
      return etag;
    },
    async identify(now) {
      etag = now;
      await appendFile(path, `etag ${now}\n`);
    },
    async add(piece) {
      done.add(piece);
      await appendFile(path, `${piece}\n`);
    },
    remove: () => rm(path, { force: true }),
  };
}
