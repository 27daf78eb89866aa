/** Step: src/ to dist/ with the TypeScript compiler. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { hashFiles, listFiles } from './hash-tree.js';
import { logFile, ROOT } from './layout.js';
import { runCommand, tailOf } from './run-command.js';
import { hasStamp, removeStamp, writeStamp } from './stamp.js';

const STEP = 'compile';
const DIST = join(ROOT, 'dist');
const BUILD_INFO = join(DIST, '.tsbuildinfo');

/** @type {import('./main.js').Step} */
export const compileSources = {
  title: 'Compiling TypeScript',
  async isDone() {
    const sources = await sourceFiles();
    return sources.map(outputOf).every((file) => existsSync(file)) && (await hasStamp(STEP, await key(sources)));
  },
  async run() {
    await removeStamp(STEP);
    const sources = await sourceFiles();
    const inputs = await key(sources);
    const outputs = new Set(sources.map(outputOf));
    // The compiler trusts its build info: a missing output would stay missing.
    if (![...outputs].every((file) => existsSync(file))) await rm(BUILD_INFO, { force: true });
    await removeOrphans(outputs);
    const log = logFile(STEP);
    const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
    const args = [compiler, '-p', join(ROOT, 'tsconfig.build.json'), '--incremental', '--tsBuildInfoFile', BUILD_INFO, '--pretty', 'false'];
    const exit = await runCommand(process.execPath, args, { cwd: ROOT, log });
    if (exit !== 0) throw new BootstrapError('StepFailed', `[bootstrap] TypeScript does not compile`, { log, tail: await tailOf(log) });
    await writeStamp(STEP, inputs);
  },
};

async function sourceFiles() {
  return (await listFiles(join(ROOT, 'src'))).filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));
}

/** @param {readonly string[]} sources */
function key(sources) {
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'native/index.d.ts', 'package-lock.json'];
  return hashFiles(ROOT, [...sources, ...settings.map((name) => join(ROOT, name))]);
}

/** @param {string} source */
function outputOf(source) {
  return join(DIST, relative(join(ROOT, 'src'), source).replace(/\.tsx?$/, '.js'));
}

/**
 * Outputs of sources that are gone.
 * @param {ReadonlySet<string>} outputs
 */
async function removeOrphans(outputs) {
  const built = (await listFiles(DIST)).filter((file) => /\.js(\.map)?$/.test(file));
  for (const file of built) if (!outputs.has(file.replace(/\.map$/, ''))) await rm(file, { force: true });
}
