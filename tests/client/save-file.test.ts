import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, expect, test } from 'vitest';
import { openFile } from '../../src/client/open-file.js';
import { saveFile } from '../../src/client/save-file.js';
import { rejection } from '../rejection.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}
const once = { overwrite: false };
const five = async () => ({ chunks: chunks('ab', 'cde'), bytes: 5 });

test('a file that came whole has its name, its bytes, and one reader', async () => {
  const path = join(folder, 'whole');
  expect(await saveFile(path, once, five)).toBe(5);
  expect(readFileSync(path, 'utf8')).toBe('abcde');
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('one that is there is not even asked for, unless it may be overwritten', async () => {
  const path = join(folder, 'there');
  writeFileSync(path, 'mine');
  const error = await rejection(saveFile(path, once, () => Promise.reject(new Error('it was asked for'))));
  expect(error).toMatchObject({ code: 'InvalidRequest', hint: expect.stringContaining('--force') });
  expect(readFileSync(path, 'utf8')).toBe('mine');
  await saveFile(path, { overwrite: true }, five);
  expect(readFileSync(path, 'utf8')).toBe('abcde');
});

test('of one that breaks off, or is too short, nothing is left', async () => {
  const path = join(folder, 'broken');
  const broken = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks('ab');
    throw Object.assign(new Error('other side closed'), { code: 'UND_ERR_SOCKET' });
  };
  expect((await rejection(saveFile(path, once, async () => ({ chunks: broken(), bytes: 5 })))).code).toBe('DownloadFailed');
  const short = await rejection(saveFile(path, once, async () => ({ chunks: chunks('ab'), bytes: 5 })));
  expect(short).toMatchObject({ code: 'DownloadFailed', message: expect.stringContaining('2 of 5 bytes') });
  expect(readdirSync(folder).filter((name) => name.startsWith('broken'))).toEqual([]);
});

test('a place that cannot be written is told by its name', async () => {
  const path = join(folder, 'none', 'file');
  expect(await rejection(saveFile(path, once, five))).toMatchObject({ code: 'InvalidRequest', message: expect.stringContaining(path) });
  expect(existsSync(path)).toBe(false);
});

test('a disk that is full is DiskFull, and nothing is left', async () => {
  // No disk here may be filled: the error is the one Node gives for a full one.
  const error = Object.assign(new Error('ENOSPC: no space left on device, write'), { code: 'ENOSPC', syscall: 'write' });
  const full = async function* (): AsyncGenerator<Uint8Array> {
    yield* chunks('ab');
    throw error;
  };
  const path = join(folder, 'full');
  expect((await rejection(saveFile(path, once, async () => ({ chunks: full(), bytes: 5 })))).code).toBe('DiskFull');
  expect(readdirSync(folder).filter((name) => name.startsWith('full'))).toEqual([]);
});

test('what is sent is a regular file that is there and may be read', async () => {
  expect(await rejection(openFile(join(folder, 'nothing')))).toMatchObject({ message: expect.stringMatching(/there is no file/) });
  expect(await rejection(openFile(folder))).toMatchObject({ message: expect.stringMatching(/no regular file/) });
  const path = join(folder, 'sent');
  writeFileSync(path, 'abc');
  const { bytes, chunks: sent } = await openFile(path);
  expect([bytes, await text(sent)]).toEqual([3, 'abc']);
});
