/** One that makes a model at a time: a file with the process that does, which counts as long as that process lives. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { SemanticError } from '../../../core/domain/errors.js';

/** Resolves to what lets go of it. Throws ModelConflict where another process has it. */
export async function takePullLock(path: string, id: string): Promise<() => Promise<void>> {
  for (;;) {
    if (await make(path)) return () => rm(path, { force: true });
    const holder = await holderOf(path);
    if (isAlive(holder)) throw busy(id, holder);
    await putAside(path, id);
  }
}

async function make(path: string): Promise<boolean> {
  try {
    await writeFile(path, String(process.pid), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Of a process that is gone; another one may be doing the same, or have taken the lock meanwhile: then it gets it back. */
async function putAside(path: string, id: string): Promise<void> {
  const aside = `${path}.${process.pid}`;
  if (
    !(await rename(path, aside).then(
      () => true,
      () => false,
    ))
  )
    return;
  const holder = await holderOf(aside);
  if (isAlive(holder)) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  if (isAlive(holder)) throw busy(id, holder);
}

/** NaN while it is being written, or gone. */
async function holderOf(path: string): Promise<number> {
  return Number.parseInt(await readFile(path, 'utf8').catch(() => ''), 10);
}

function isAlive(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function busy(id: string, holder: number): SemanticError {
  return new SemanticError('ModelConflict', `[pull] process ${holder} is fetching or making ${id}`, {
    hint: 'Wait for it, or choose another --name.',
  });
}
