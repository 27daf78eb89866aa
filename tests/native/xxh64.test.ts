/** XXH64 against the reference implementation: see tests/fixtures/xxh64/generate.py. */
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ENGINE_OPTIONS, native, rejection } from './support/addon.js';

const OFFSET = 13;
const { cases } = JSON.parse(readFileSync(new URL('../fixtures/xxh64/golden.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly (readonly [length: number, seed: string, checksum: string])[];
};
const data = Uint8Array.from({ length: Math.max(...cases.map(([length]) => length)) }, (_, i) => Math.imul(i, 0x9e3779b1) >>> 24);

const engine = new native.Engine(ENGINE_OPTIONS);
const folder = mkdtempSync(join(tmpdir(), 'semantic-xxh64-'));
let fd: number;

beforeAll(() => {
  fd = openSync(join(folder, 'data'), 'w+');
  writeSync(fd, data, 0, data.length, OFFSET);
});

afterAll(async () => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
  await engine.close();
});

it.each(cases)('checksumFile() of %i bytes with seed %s is that of the reference implementation', async (length, seed, checksum) => {
  expect(await engine.checksumFile(fd, OFFSET, length, BigInt(seed))).toBe(BigInt(checksum));
});

it('checksumFile() rejects with ERR_IO where the file ends within the range', async () => {
  expect(await rejection(engine.checksumFile(fd, OFFSET, data.length + 1, 0n))).toMatchObject({ code: 'ERR_IO', errno: 'ENODATA' });
});

it('checksumFile() rejects with ERR_IO and the errno where the file cannot be read', async () => {
  const writable = openSync(join(folder, 'other'), 'w');
  expect(await rejection(engine.checksumFile(writable, 0, 1, 0n))).toMatchObject({ code: 'ERR_IO', errno: 'EBADF', origin: 'store.read' });
  closeSync(writable);
});

it('checksumFile() refuses what is not a range of a file', async () => {
  for (const refused of [
    engine.checksumFile(-1, 0, 1, 0n),
    engine.checksumFile(fd, -1, 1, 0n),
    engine.checksumFile(fd, 0, 0.5, 0n),
    engine.checksumFile(fd, 0, 1, 1n << 64n),
  ]) {
    expect(await rejection(refused)).toMatchObject({ code: 'ERR_INVALID_ARGUMENT' });
  }
});
