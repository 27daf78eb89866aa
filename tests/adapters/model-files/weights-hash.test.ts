import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { weightsHash } from '../../../src/adapters/model-files/weights-hash.js';
import { rejection } from '../../rejection.js';
import { Scratch } from './damage.js';

let scratch: Scratch;
let memory: string;
beforeEach(() => {
  scratch = new Scratch();
  memory = join(scratch.folder, 'made', 'here', 'hashes.json');
});
afterEach(() => scratch.remove());

const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex');
/** Longer than what is read at once. */
const content = (seed: number, length = 1_300_000): Buffer => Buffer.alloc(length, `weights ${seed} `);

/** Puts another hash in place of every one that is remembered: a result that changes was not computed. */
function forge(): void {
  writeFileSync(memory, readFileSync(memory, 'utf8').replace(/"sha256":"[0-9a-f]{64}"/g, `"sha256":"${'0'.repeat(64)}"`));
}

describe('weightsHash', () => {
  test('it is over the contents of the files, in their order', async () => {
    const [a, b] = [scratch.write('a', content(1)), scratch.write('b', content(2, 10))];
    expect(await weightsHash([a, b], memory)).toBe(sha256(JSON.stringify([sha256(content(1)), sha256(content(2, 10))])));
    expect(await weightsHash([b, a], memory)).toBe(sha256(JSON.stringify([sha256(content(2, 10)), sha256(content(1))])));
  });

  test('one other byte, in a file of the same name and length, is another hash', async () => {
    const path = scratch.write('a', content(1));
    const before = await weightsHash([path], memory);
    const changed = content(1);
    changed[1_299_999]! ^= 1;
    writeFileSync(path, changed);
    expect(await weightsHash([path], memory)).not.toBe(before);
    writeFileSync(path, content(1));
    expect(await weightsHash([path], memory)).toBe(before);
  });

  test('a file that is as it was is not read again; a link to it is the same file', async () => {
    const path = scratch.write('a', content(1));
    const before = await weightsHash([path], memory);
    expect(await weightsHash([path], memory)).toBe(before);
    forge();
    const forged = sha256(JSON.stringify(['0'.repeat(64)]));
    expect(await weightsHash([path], memory)).toBe(forged);
    symlinkSync(path, join(scratch.folder, 'link'));
    expect(await weightsHash([join(scratch.folder, 'link')], memory)).toBe(forged);
  });

  test('a file of another time, or another file in its place, is read again', async () => {
    const path = scratch.write('a', content(1));
    const before = await weightsHash([path], memory);
    forge();
    utimesSync(path, new Date(0), new Date(0));
    expect(await weightsHash([path], memory)).toBe(before);
    forge();
    renameSync(scratch.write('other', content(1)), path);
    expect(await weightsHash([path], memory)).toBe(before);
  });

  test('a file that was changed and had its time set back is read again', async () => {
    const path = scratch.write('a', content(1));
    utimesSync(path, new Date(0), new Date(0));
    const before = await weightsHash([path], memory);
    writeFileSync(path, content(2));
    utimesSync(path, new Date(0), new Date(0));
    expect(statSync(path)).toMatchObject({ mtimeMs: 0, size: content(1).length });
    expect(await weightsHash([path], memory)).not.toBe(before);
  });

  test('the memory is for its owner alone, and nothing is left beside it', async () => {
    await weightsHash([scratch.write('a', content(1))], memory);
    expect(statSync(memory).mode & 0o777).toBe(0o600);
    expect(statSync(join(memory, '..')).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(memory, '..'))).toEqual(['hashes.json']);
  });

  test.each(['', '{', '[]', 'null', '{"version":2,"files":{}}', '{"version":1,"files":{"PATH":{"state":"1 2","sha256":"00"}}}', '\u0000'])(
    'with a damaged memory, %j, files are read again and remembered',
    async (damaged) => {
      const path = scratch.write('a', content(1));
      const before = await weightsHash([path], memory);
      writeFileSync(memory, damaged.replace('PATH', path));
      expect(await weightsHash([path], memory)).toBe(before);
      expect(JSON.parse(readFileSync(memory, 'utf8'))).toMatchObject({ version: 1, files: { [path]: { sha256: sha256(content(1)) } } });
    },
  );

  test('where the memory cannot be written the hash is the same', async () => {
    const [path, file] = [scratch.write('a', content(1)), scratch.write('file', '')];
    expect(await weightsHash([path], join(file, 'hashes.json'))).toBe(await weightsHash([path], memory));
    expect(existsSync(memory)).toBe(true);
    expect(await weightsHash([path], scratch.folder)).toBe(await weightsHash([path], memory)); // a folder is in its place
  });

  test('a file that is not there is ModelFileMissing', async () => {
    const error = await rejection(weightsHash([join(scratch.folder, 'none')], memory));
    expect(error).toMatchObject({ code: 'ModelFileMissing', message: expect.stringContaining('none') as string });
  });

  test('a file that grows while it is read is ModelFileCorrupt', async () => {
    const path = scratch.write('a', content(1, 8_000_000));
    const hashing = rejection(weightsHash([path], memory));
    const growing = setInterval(() => writeFileSync(path, 'more', { flag: 'a' }), 0);
    const error = await hashing.finally(() => clearInterval(growing));
    expect(error).toMatchObject({ code: 'ModelFileCorrupt', message: expect.stringContaining('changed while it was read') as string });
  });
});
