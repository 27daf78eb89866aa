/** Steps: native/build/semantic.node, with CMake, and the same with sanitizers in a folder of its own. */
import { existsSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { delimiter, join, relative } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { mlxKey } from './fetch-mlx.js';
import { hashFiles, listFiles } from './hash-tree.js';
import { logFile, ROOT } from './layout.js';
import { runCommand, tailOf } from './run-command.js';
import { hasStamp, removeStamp, writeStamp } from './stamp.js';

const SOURCE = join(ROOT, 'native');
/** A file that includes MLX's headers takes about this much to compile. */
const BYTES_PER_JOB = 1.5e9;

export const buildAddon = addonStep({
  name: 'addon',
  title: 'Building the native addon',
  build: join(SOURCE, 'build'),
  args: [],
  sources: [],
});

/** Where `buildSanitized` puts it. */
export const SANITIZED = join(SOURCE, 'build-sanitize');
export const buildSanitized = addonStep({
  name: 'addon-sanitized',
  title: 'Building the native addon with sanitizers',
  build: SANITIZED,
  args: ['-DSEMANTIC_SANITIZE=ON'],
  sources: [join(ROOT, 'tests/sanitize/canary.cc')],
});

/**
 * @param {{ name: string, title: string, build: string, args: string[], sources: string[] }} what stamp and log are called `name`; `args` are for CMake;
 *   `sources`: those outside native/
 * @returns {import('./main.js').Step}
 */
function addonStep({ name, title, build, args, sources }) {
  const addon = join(build, 'semantic.node');
  return {
    title,
    async isDone() {
      return existsSync(addon) && (await hasStamp(name, await key(sources)));
    },
    async run(progress) {
      await removeStamp(name);
      const inputs = await key(sources); // taken first: a source edited meanwhile is built again next time
      const log = logFile(name);
      await configure(build, args, log);
      const jobs = Math.max(1, Math.min(availableParallelism(), Math.floor(totalmem() / BYTES_PER_JOB)));
      const exit = await runCommand('cmake', ['--build', build, '--parallel', String(jobs)], {
        log,
        append: true,
        onLine: (line) => showJobs(line, progress),
      });
      if (exit !== 0) throw await failure('compile', build, log);
      if (!existsSync(addon)) throw await failure('build, which left no semantic.node', build, log);
      await writeStamp(name, inputs);
    },
  };
}

/**
 * @param {string} build
 * @param {string[]} wanted
 * @param {string} log
 */
async function configure(build, wanted, log) {
  // A cache of another place or another MLX would be believed; ours costs a second to make again.
  await rm(join(build, 'CMakeCache.txt'), { force: true });
  await rm(join(build, 'CMakeFiles', 'cmake.check_cache'), { force: true });
  const args = ['-S', SOURCE, '-B', build, '-DCMAKE_BUILD_TYPE=Release', ...wanted, ...generator(build)];
  const exit = await runCommand('cmake', args, { log });
  if (exit !== 0) throw await failure('configure', build, log);
}

/**
 * The generator of the build folder, if it has one, so that objects are used again; else Ninja where it is.
 * @param {string} build
 */
function generator(build) {
  if (existsSync(join(build, 'build.ninja'))) return ['-G', 'Ninja'];
  if (existsSync(join(build, 'Makefile'))) return ['-G', 'Unix Makefiles'];
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

/** @param {string[]} more */
async function key(more) {
  const files = await listFiles(SOURCE, ['build', 'build-sanitize', 'deps']);
  const packages = ['node-addon-api', 'node-api-headers'].map((name) => join(ROOT, 'node_modules', name, 'package.json'));
  const versions = packages.map((file) => (existsSync(file) ? String(JSON.parse(readFileSync(file, 'utf8')).version) : ''));
  return hashFiles(ROOT, [...files, ...more], [mlxKey(), ...versions].join(' '));
}

/**
 * @param {string} what
 * @param {string} build
 * @param {string} log
 */
async function failure(what, build, log) {
  const tail = await tailOf(log, 40);
  if (/No space left on device/.test(tail)) {
    return new BootstrapError('DiskFull', `[bootstrap] no space left for the build in ${build}`, {
      log,
      tail,
      hint: 'Free some space and run the same command again.',
    });
  }
  return new BootstrapError('StepFailed', `[bootstrap] the native addon failed to ${what}`, {
    log,
    tail,
    hint: `It needs g++ 11, clang 14 or newer. \`rm -rf ${relative(ROOT, build)}\` and the same command again starts from nothing.`,
  });
}
