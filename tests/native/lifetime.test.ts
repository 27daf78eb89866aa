import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { tinyModel } from './support/tiny-model.js';

const tiny = tinyModel();
const specFile = join(dirname(tiny.file), 'spec.json');
writeFileSync(specFile, JSON.stringify(tiny.spec));
const script = fileURLToPath(new URL('./support/leave.mjs', import.meta.url));
const addon = fileURLToPath(new URL('../../native/build/semantic.node', import.meta.url));

/** What a process prints that ends in the given way; fails on a crash or a signal. */
async function leave(executor: string, way: string): Promise<string> {
  const run = await execa('node', ['--expose-gc', script, addon, tiny.file, specFile, executor, way], { timeout: 30_000 });
  return run.stdout;
}

describe.each(['mlx', 'cpu'])('a process with an engine that runs the %s executor', (executor) => {
  it('ends cleanly by process.exit() during a step', async () => {
    expect(await leave(executor, 'process.exit')).toBe('');
  });

  it('ends by itself while an engine is open and idle', async () => {
    expect(await leave(executor, 'idle')).toBe('end');
  });

  it('stays alive until a pending promise has settled', async () => {
    expect(await leave(executor, 'pending')).toBe('end\nsettled');
  });

  it('survives the collection of an engine that was never closed', async () => {
    expect(await leave(executor, 'collected')).toBe('end');
  });

  it('ends cleanly by process.exit() while KV is saved', async () => {
    expect(await leave(executor, 'saving')).toBe('');
  });

  it('survives two calls of close() during a step', async () => {
    expect(await leave(executor, 'close-twice')).toBe('end');
  });

  it("survives a worker thread that leaves during its own engine's step", async () => {
    expect(await leave(executor, 'worker')).toBe('end');
  });
});
