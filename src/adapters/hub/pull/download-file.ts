/** One file of the hub by ranges, several at once; what is on disk of it already is not fetched again. */
import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SemanticError } from '../../../core/domain/errors.js';
import { type ContentHashes, hashContent } from './hash-content.js';
import type { HubAnswer, HubHttp } from './hub-http.js';
import type { HubFile } from './hub-tree.js';
import { openPieceJournal, type PieceJournal } from './piece-journal.js';

export interface DownloadOptions {
  readonly http: HubHttp;
  readonly url: URL;
  readonly file: HubFile;
  readonly to: string;
  readonly pieceBytes: number;
  /** Runs as many pieces at once as there may be, over all files. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  /** Bytes that are on disk now and were not before. */
  readonly onBytes: (bytes: number) => void;
}

/** Bytes that are on disk of it from an attempt before. */
export async function bytesThere(to: string, file: HubFile, pieceBytes: number): Promise<number> {
  const { done } = await openPieceJournal(`${to}.pieces`, identityOf(file, pieceBytes));
  return [...done].reduce((sum, piece) => sum + extentOf(file, pieceBytes, piece).length, 0);
}

/** Resolves when the file is in place and has the hub's hash. Throws HashMismatch, and then nothing of it stays; DownloadFailed. */
export async function downloadFile(options: DownloadOptions): Promise<ContentHashes> {
  const { file, to, pieceBytes, inTurn } = options;
  const part = `${to}.part`;
  await mkdir(dirname(to), { recursive: true });
  const journal = await openPieceJournal(`${to}.pieces`, identityOf(file, pieceBytes));
  const handle = await open(part, journal.done.size > 0 ? 'r+' : 'w', 0o600);
  try {
    const pieces = Array.from({ length: Math.ceil(file.bytes / pieceBytes) }, (_, i) => i).filter((i) => !journal.done.has(i));
    const results = await Promise.allSettled(pieces.map((piece) => inTurn(() => fetchPiece(options, journal, handle, piece))));
    const failure = results.find((result) => result.status === 'rejected');
    if (failure !== undefined) throw failure.reason;
  } finally {
    await handle.close();
  }
  const hashes = await hashContent(part, file.bytes);
  await assertHash(file, hashes, async () => {
    await rm(part, { force: true });
    await journal.remove();
  });
  await rename(part, to);
  await journal.remove();
  return hashes;
}

function identityOf(file: HubFile, pieceBytes: number): string {
  return `${file.sha256 ?? file.gitOid} ${file.bytes} ${pieceBytes}`;
}

function extentOf(file: HubFile, pieceBytes: number, piece: number): { readonly start: number; readonly length: number } {
  const start = piece * pieceBytes;
  return { start, length: Math.min(pieceBytes, file.bytes - start) };
}

/** An attempt that broke off is gone on from where it was. */
async function fetchPiece(options: DownloadOptions, journal: PieceJournal, handle: FileHandle, piece: number): Promise<void> {
  const { http, url, file, pieceBytes, onBytes } = options;
  const { start, length } = extentOf(file, pieceBytes, piece);
  let got = 0;
  await http.retrying(file.path, async () => {
    const range = { first: start + got, last: start + length - 1 };
    const answer = await http.get(url, file.path, { range: `bytes=${range.first}-${range.last}` });
    try {
      await checkIdentity(file, answer, journal);
      let skip = checkRange(file, answer, range.first);
      for await (const chunk of answer.body as AsyncIterable<Buffer>) {
        const bytes = chunk.subarray(Math.min(skip, chunk.length), Math.min(chunk.length, skip + length - got));
        skip = Math.max(0, skip - chunk.length);
        if (bytes.length === 0) continue;
        await handle.write(bytes, 0, bytes.length, start + got);
        got += bytes.length;
        onBytes(bytes.length);
        if (got === length) break;
      }
    } finally {
      answer.body.destroy();
    }
    if (got < length) throw new Error(`the connection ended ${length - got} bytes early`);
  });
  await handle.datasync();
  await journal.add(piece);
}

/** All pieces are to be of one file. */
async function checkIdentity(file: HubFile, { headers, firstHeaders }: HubAnswer, journal: PieceJournal): Promise<void> {
  const linked = firstHeaders['x-linked-etag'];
  if (typeof linked === 'string' && file.sha256 !== null && plain(linked) !== file.sha256) throw changed(file, file.sha256, plain(linked));
  const etag = headers['etag'];
  if (typeof etag !== 'string') return;
  if (journal.etag === null) return journal.identify(etag);
  if (journal.etag === etag) return;
  const before = journal.etag;
  await journal.remove(); // what is there is of another file: the next attempt begins anew
  throw changed(file, before, etag);
}

function changed(file: HubFile, wanted: string, got: string): SemanticError {
  return new SemanticError('DownloadFailed', `[pull] ${file.path} changed on the hub while it was fetched: wanted ${wanted}, got ${got}`, {
    hint: 'Run the same command again: it begins this file anew.',
  });
}

/** `W/"abc"` -> `abc`. */
function plain(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

/** Bytes to leave out at the start of the body: a server without ranges sends the whole file. */
function checkRange(file: HubFile, { statusCode, headers }: HubAnswer, first: number): number {
  if (statusCode === 200) return first;
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(String(headers['content-range'] ?? '')) ?? [];
  if (Number(from) === first && (total === '*' || Number(total) === file.bytes)) return 0;
  const wanted = `bytes from ${first} of ${file.bytes}`;
  throw new SemanticError('DownloadFailed', `[pull] ${file.path}: wanted ${wanted}, got ${String(headers['content-range'])}`);
}

async function assertHash(file: HubFile, got: ContentHashes, remove: () => Promise<void>): Promise<void> {
  const [name, wanted, found] = file.sha256 === null ? ['git id', file.gitOid, got.gitOid] : ['SHA-256', file.sha256, got.sha256];
  if (wanted === found) return;
  await remove();
  throw new SemanticError('HashMismatch', `[pull] ${file.path} has the ${name} ${found}, wanted ${wanted}`, {
    hint: 'It was changed on its way or on the hub; nothing of it was kept. Run the same command again.',
  });
}
