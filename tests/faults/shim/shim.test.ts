/** The shim sees every writer there is: Node's own threads, the database of the index, the addon. Else the other tests would test nothing. */
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, mkdtempSync, openSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { NO_SHIM } from './build-shim.js';
import { CHANGES, FaultControl, KIND } from './fault-control.js';

let scratch = '';
let disk = '';
let control: FaultControl;

beforeEach(() => {
  scratch = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-shim-')));
  disk = join(scratch, 'disk');
  mkdirSync(disk);
  control = new FaultControl(scratch, disk);
});
afterEach(() => {
  control.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Runs a module with the shim before it; gives what it prints. */
function run(program: string): string {
  const env = { ...process.env, ...control.env, DISK: disk };
  return execFileSync(process.execPath, ['--input-type=module', '-e', program], { env, encoding: 'utf8', cwd: process.cwd() });
}

const names = (): readonly string[] => control.log().map(({ name, path }) => `${name} ${path}`);

describe.runIf(NO_SHIM === null)('the shim', () => {
  it('sees what Node writes, in its threads and outside them', () => {
    run(`
      import fs from 'node:fs';
      import { copyFile, writeFile, rename, mkdir, rmdir } from 'node:fs/promises';
      const at = (name) => process.env.DISK + '/' + name;
      await writeFile(at('a'), 'hello');
      await copyFile(at('a'), at('b'));
      const fd = fs.openSync(at('c'), 'w');
      fs.writevSync(fd, [Buffer.from('ab'), Buffer.from('cd')], 4);
      fs.writeSync(fd, 'x', 0);
      fs.fdatasyncSync(fd);
      fs.fsyncSync(fd);
      fs.ftruncateSync(fd, 1);
      fs.closeSync(fd);
      await rename(at('c'), at('d'));
      fs.linkSync(at('d'), at('e'));
      fs.unlinkSync(at('d'));
      await mkdir(at('f'));
      await rmdir(at('f'));
    `);
    expect(names()).toEqual([
      ...['open a', 'write a', 'open b', 'ftruncate b', 'copy_file_range b'],
      ...[
        'open c',
        'pwritev c',
        'pwrite c',
        'fdatasync c',
        'fsync c',
        'ftruncate c',
        'rename d',
        'link e',
        'unlink d',
        'mkdir f',
        'rmdir f',
      ],
    ]);
  });

  it('sees what the database of the index writes and syncs', () => {
    run(`
      import Database from 'libsql';
      const database = new Database(process.env.DISK + '/index.db');
      database.prepare('PRAGMA journal_mode = WAL').raw().all([]);
      database.exec('PRAGMA synchronous = FULL; CREATE TABLE t (x)');
      database.close();
    `);
    expect(names()).toEqual(expect.arrayContaining(['open index.db', 'pwrite index.db-wal', 'fsync index.db-wal', 'unlink index.db-wal']));
  });

  it('sees what the addon writes and reads', () => {
    control.count(CHANGES | KIND.read);
    const fd = openSync(join(disk, 'extent'), 'w');
    closeSync(fd);
    run(`
      import { openSync, writeSync } from 'node:fs';
      import { createRequire } from 'node:module';
      const { Engine } = createRequire(process.cwd() + '/')('./native/build/semantic.node');
      const engine = new Engine({ threads: 1, memoryBudgetBytes: 1e9, bufferCacheBytes: 0, instructionSet: 'auto' });
      const fd = openSync(process.env.DISK + '/extent', 'r+');
      writeSync(fd, 'some bytes');
      await engine.checksumFile(fd, 0, 10, 0n);
      await engine.close();
    `);
    expect(names()).toContain('preadv extent');
  });

  it('ends the process at the call that was chosen, with nothing, half or all of it done', () => {
    const outcomes = (['killBefore', 'killHalf', 'killAfter'] as const).map((action) => {
      control.arm(2, { action });
      expect(() => run(`(await import('node:fs')).writeFileSync(process.env.DISK + '/${action}', '0123456789')`)).toThrow('Command failed');
      return execFileSync('cat', [join(disk, action)], { encoding: 'utf8' });
    });
    expect(outcomes).toEqual(['', '01234', '0123456789']);
  });

  it('fails one call, or all from one on until the disk is well', () => {
    const program = `
      import { writeFileSync } from 'node:fs';
      const results = [1, 2, 3].map((n) => {
        try { writeFileSync(process.env.DISK + '/' + n, 'x'); return 'done'; } catch (error) { return error.code; }
      });
      console.log(results.join(' '));
    `;
    control.arm(2, { action: 'failOnce', errno: 'EIO' });
    expect(run(program).trim()).toBe('EIO done done');
    control.arm(2, { action: 'failOn', errno: 'ENOSPC' });
    expect(run(program).trim()).toBe('ENOSPC ENOSPC ENOSPC');
    expect(run(program).trim()).toBe('ENOSPC ENOSPC ENOSPC');
    control.heal();
    expect(run(program).trim()).toBe('done done done');
    expect(control.failed).toBe(7);
  });

  it('moves the time of day and says that a disk is full', () => {
    control.shiftClock(-86_400);
    control.refuse('ENOSPC', { isSpaceSeen: true });
    const told = run(`import { statfsSync } from 'node:fs'; console.log(Date.now(), statfsSync(process.env.DISK).bavail);`).split(' ');
    expect(Math.abs(Number(told[0]) - (Date.now() - 86_400_000))).toBeLessThan(60_000);
    expect(Number(told[1])).toBe(0);
  });
});
