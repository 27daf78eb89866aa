/** Step: native/build/semantic.node, with CMake. */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { delimiter, join } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { mlxKey } from './fetch-mlx.js';
import { hashFiles, listFiles } from './hash-tree.js';
import { logFile, ROOT } from './layout.js';
import { runCommand, tailOf } from './run-command.js';
import { hasStamp, removeStamp, writeStamp } from './stamp.js';

const STEP = 'addon';
const SOURCE = join(ROOT, 'native');
const BUILD = join(SOURCE, 'build');
/** A file that includes MLX's headers takes about this much to compile. */
const BYTES_PER_JOB = 1.5e9;

/** @type {import('./main.js').Step} */
export const buildAddon = {
  title: 'Building the native addon',
  async isDone() {
    return existsSync(join(BUILD, 'semantic.node')) && (await hasStamp(STEP, await key()));
  },
  async run(progress) {
    await removeStamp(STEP);
    const inputs = await key(); // taken first: a source edited meanwhile is built again next time
    const log = logFile(STEP);
    await configure(log);
    const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / BYTES_PER_JOB)));
    const exit = await runCommand('cmake', ['--build', BUILD, '--parallel', String(jobs)], {
      log,
      append: true,
      onLine: (line) => showJobs(line, progress),
    });
    if (exit !== 0) throw await failure('compile', log);
    if (!existsSync(join(BUILD, 'semantic.node'))) throw await failure('build, which left no semantic.node', log);
    await writeStamp(STEP, inputs);
  },
};

/** @param {string} log */
async function configure(log) {
  // A cache of another place or another MLX would be believed; ours costs a second to make again.
  await rm(join(BUILD, 'CMakeCache.txt'), { force: true });
  await rm(join(BUILD, 'CMakeFiles', 'cmake.check_cache'), { force: true });
  const args = ['-S', SOURCE, '-B', BUILD, '-DCMAKE_BUILD_TYPE=Release', ...generator()];
  const exit = await runCommand('cmake', args, { log });
  if (exit !== 0) throw await failure('configure', log);
}

/** The generator of the build folder, if it has one, so that objects are used again; else Ninja where it is. */
function generator() {
  if (existsSync(join(BUILD, 'build.ninja'))) return ['-G', 'Ninja'];
  if (existsSync(join(BUILD, 'Makefile'))) return ['-G', 'Unix Makefiles'];
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, 'ninja'))) ? ['-G', 'Ninja'] : ['-G', 'Unix Makefiles'];
}

/**
 * Ninja prints `[12/80] ...`, make `[ 15%] ...`.
 * @param {string} line
 * @param {import('./progress.js').Progress} progress
 */
function showJobs(line, progress) {
  const [, done, total] = /^\[(\d+)\/(\d+)\]/.exec(line) ?? [];
  if (done !== undefined && total !== undefined) return progress.update(Number(done), Number(total), 'items');
  const percent = /^\[\s*(\d+)%\]/.exec(line)?.[1];
  if (percent !== undefined) progress.update(Number(percent), 100, 'items');
}

async function key() {
  const files = await listFiles(SOURCE, ['build', 'deps']);
  const packages = ['node-addon-api', 'node-api-headers'].map((name) => join(ROOT, 'node_modules', name, 'package.json'));
  const versions = packages.map((file) => (existsSync(file) ? String(JSON.parse(readFileSync(file, 'utf8')).version) : ''));
  return hashFiles(ROOT, files, [mlxKey(), ...versions].join(' '));
}

/**
 * @param {string} what
 * @param {string} log
 */
async function failure(what, log) {
  const tail = await tailOf(log, 40);
  if (/No space left on device/.test(tail)) {
    return new BootstrapError('DiskFull', `[bootstrap] no space left for the build in ${BUILD}`, {
      log,
      tail,
      hint: 'Free some space and run the same command again.',
    });
  }
  return new BootstrapError('StepFailed', `[bootstrap] the native addon failed to ${what}`, {
    log,
    tail,
    hint: 'It needs g++ 11, clang 14 or newer. `rm -rf native/build` and the same command again starts from nothing.',
  });
}
