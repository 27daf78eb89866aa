import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { KvStore } from '../../../src/core/ports.js';
import { StorePlace } from './fixtures.js';
import { xxh64File } from './xxh64.js';

interface Said {
  readonly done: 'committed' | 'purging' | 'purged' | 'refused';
  readonly owner: string;
  readonly hashes: readonly string[];
  readonly state?: string;
  readonly code?: string;
  readonly reason?: string;
}

const CHILD = fileURLToPath(new URL('./child.js', import.meta.url));
let at: StorePlace;
const running: ChildProcessByStdio<null, Readable, null>[] = [];
beforeEach(async () => {
  at = await StorePlace.make();
});
afterEach(async () => {
  for (const child of running.splice(0)) child.kill('SIGKILL');
  await at.clean();
});

function start(task: string, limit = ''): { child: ChildProcessByStdio<null, Readable, null>; said: Said[]; lines: AsyncIterable<string> } {
  const command = `${limit} exec "$0" "$@"`;
  const child = spawn('bash', ['-c', command, process.execPath, CHILD, task, at.directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.push(child);
  const said: Said[] = [];
  const lines = createInterface({ input: child.stdout });
  lines.on('line', (line) => void said.push(JSON.parse(line) as Said));
  return { child, said, lines };
}

async function intact(kv: KvStore, hash: string): Promise<boolean> {
  const opened = await kv.openImages([{ hash, kind: 0 }]);
  const { fd, offset, bytes, seed, checksum } = opened.images[0]!;
  const isIntact = (await xxh64File(fd, offset, bytes, seed)) === checksum;
  await opened.close();
  return isIntact;
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 800 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(holds()).toBe(true);
}

describe('a store and its processes', () => {
  it('has after kill -9 at any time what was committed, and nothing of what was purged', async () => {
    for (let round = 0; round < 8; round++) {
      const { child, said } = start('write');
      await until(() => said.length > 1);
      await new Promise((resolve) => setTimeout(resolve, round * 23));
      child.kill('SIGKILL');
      await once(child, 'close');
      const kv = await at.open();
      expect(kv.status().state).toBe('ready');
      const purging = new Set(said.filter(({ done }) => done === 'purging').map(({ owner }) => owner));
      const purged = new Set(said.filter(({ done }) => done === 'purged').map(({ owner }) => owner));
      const files = await everyFile(at.directory);
      for (const { owner, hashes } of said.filter(({ done }) => done === 'committed')) {
        for (const hash of hashes) {
          if (!purging.has(owner)) expect(await intact(kv, hash)).toBe(true);
          if (!purged.has(owner)) continue;
          expect(kv.get(hash)).toBeNull();
          expect(files.some((file) => file.includes(Buffer.from(hash, 'latin1')))).toBe(false);
        }
      }
      expect((await kv.verify()).damaged).toEqual([]);
      expect(await readdir(join(at.directory, 'extents'))).toHaveLength(kv.status().extents);
      await kv.close();
    }
  });

  it('is held by one at a time: the second waits, says who has it, and takes over when that one dies', async () => {
    const { child, said } = start('hold');
    await until(() => said.length === 1);
    expect(said[0]!.state).toBe('ready');
    const kv = await at.open();
    expect(kv.status()).toMatchObject({ state: 'suspended', blocks: 0 });
    expect(kv.status().reason).toContain(`another process (pid ${child.pid})`);
    await expect(kv.putAgent({ ...(await import('./fixtures.js')).agent('a') })).rejects.toMatchObject({ code: 'CachePersistence' });
    child.kill('SIGKILL');
    await until(() => kv.status().state === 'ready');
    for (const hash of said[0]!.hashes) expect(await intact(kv, hash)).toBe(true);
  });

  it('is held by one at a time within a process too', async () => {
    const first = await at.open();
    const second = await at.open();
    expect(second.status().reason).toContain(`pid ${process.pid}`);
    await first.close();
    await until(() => second.status().state === 'ready');
  });

  it('is suspended when the disk takes no more bytes, and has what was committed before', async () => {
    const { child, said } = start('fill', 'ulimit -f 200;'); // KB per file, or half of them: the index grows past it
    await once(child, 'close');
    const last = said.at(-1)!;
    expect(last).toMatchObject({ done: 'refused', code: 'CachePersistence', state: 'suspended' });
    expect(last.reason).toMatch(/EFBIG|EIO|ENOSPC/);
    expect(said.length).toBeGreaterThan(2);
    const kv = await at.open();
    for (const { hashes } of said.slice(0, -1)) for (const hash of hashes) expect(await intact(kv, hash)).toBe(true);
    expect(kv.status().blocks).toBe(3 * (said.length - 1));
  });

  it.runIf(canMount())('reads and purges on a full disk, and writes again (needs a mount of its own: unshare -rm)', async () => {
    const script =
      'mount -t tmpfs -o size=3m tmpfs "$3" && "$1" "$2" fill "$3/kv" 10 && (cat /dev/zero > "$3/ballast" 2> /dev/null; "$1" "$2" full "$3/kv")';
    const child = spawn('unshare', ['-rm', 'bash', '-c', script, 'bash', process.execPath, CHILD, at.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    running.push(child);
    const said: (Said & { readonly blocks?: number; readonly damaged?: number })[] = [];
    createInterface({ input: child.stdout }).on('line', (line) => void said.push(JSON.parse(line) as Said));
    await once(child, 'close');
    expect(said.slice(11)).toMatchObject([
      { state: 'ready', blocks: 30, damaged: 0 },
      { done: 'purged', blocks: 30 },
      { done: 'committed' },
    ]);
  });
});

function canMount(): boolean {
  return spawnSync('unshare', ['-rm', 'true']).status === 0;
}

async function everyFile(directory: string): Promise<Buffer[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return Promise.all(entries.filter((entry) => entry.isFile()).map((entry) => readFile(join(entry.parentPath, entry.name))));
}
