/** Where the daemon's log goes: stderr, for people where they look on, or a file that does not grow for ever. */
import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import pino, { type DestinationStream, type Logger } from 'pino';
import type { Config } from '../adapters/config/schema.js';
import { SemanticError } from '../core/domain/errors.js';

/** Between looks at how large the file is. */
const LOOK_MS = 10_000;

export async function openLog({ level, file, max_mb }: Config['log']): Promise<Logger> {
  return pino({ level }, file === '' ? await toStderr() : toFile(file, max_mb * 2 ** 20));
}

async function toStderr(): Promise<DestinationStream> {
  if (!process.stderr.isTTY) return pino.destination(process.stderr.fd);
  const { default: pretty } = await import('pino-pretty');
  return pretty({ destination: process.stderr.fd, sync: true, ignore: 'pid,hostname' });
}

function toFile(path: string, maxBytes: number): DestinationStream {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    closeSync(openSync(path, 'a', 0o600));
  } catch (cause) {
    throw new SemanticError('ConfigInvalid', `[log] ${path} cannot be written: ${(cause as Error).message}`, {
      param: 'log.file',
      hint: 'Set log.file to a file in a folder of yours, or to "" for stderr.',
    });
  }
  if (statSync(path).size > maxBytes) renameSync(path, `${path}.1`);
  const destination = pino.destination({ dest: path, mode: 0o600, sync: true });
  setInterval(() => {
    // A disk that is full or a folder that went away must not end the daemon: it goes on in the file it has.
    try {
      if (fstatSync((destination as unknown as { readonly fd: number }).fd).size <= maxBytes) return;
      renameSync(path, `${path}.1`);
      destination.reopen();
    } catch {
      return;
    }
  }, LOOK_MS).unref();
  destination.on('error', () => undefined);
  return destination;
}
