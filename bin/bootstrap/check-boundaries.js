/** The import boundaries: dependency-cruiser's verdict on src/, and N-API headers only in native/src/napi. */
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';

import { listFiles } from './hash-tree.js';
import { ROOT } from './layout.js';

const CRUISER = 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs';
const NAPI_HEADER = /^\s*#\s*include\s*[<"](?:napi|node_api|js_native_api)\.h[>"]/m;

/** @returns {Promise<number>} exit code */
export async function checkBoundaries() {
  const problems = [...(await importProblems()), ...(await napiProblems())];
  for (const problem of problems) process.stderr.write(`  ${problem}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function importProblems() {
  const { exit, stdout, stderr } = await cruise();
  /** @type {{ modules: { source: string }[], summary: { violations: { from: string, to: string, rule: { name: string } }[] } }} */
  let result;
  try {
    result = JSON.parse(stdout);
  } catch {
    return [`dependency-cruiser failed (exit ${exit}): ${stderr.trim()}`];
  }
  const ours = result.modules.filter(({ source }) => source.startsWith('src/'));
  const sources = (await listFiles(join(ROOT, 'src'))).filter((file) => file.endsWith('.ts'));
  // A cruiser that does not understand TypeScript sees nothing, and finds nothing wrong with it.
  if (ours.length === 0 || ours.length < sources.length) {
    return [`dependency-cruiser saw ${ours.length} of ${sources.length} modules of src/: its verdict means nothing`];
  }
  process.stderr.write(`  ${ours.length} modules of src/\n`);
  return result.summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} -> ${to}`);
}

/** @returns {Promise<{ exit: number, stdout: string, stderr: string }>} */
function cruise() {
  const args = [join(ROOT, CRUISER), '--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'];
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (stderr += text));
  return new Promise((resolve) => {
    child.on('error', (error) => resolve({ exit: 127, stdout, stderr: error.message }));
    child.on('close', (code) => resolve({ exit: code ?? 1, stdout, stderr }));
  });
}

async function napiProblems() {
  const files = (await listFiles(join(ROOT, 'native/src'))).filter((file) => /\.(cc|cpp|h|hpp|mm)$/.test(file));
  const outside = files.filter((file) => !relative(ROOT, file).startsWith(join('native', 'src', 'napi') + sep));
  const found = await Promise.all(outside.map(async (file) => NAPI_HEADER.test(await readFile(file, 'utf8'))));
  return outside
    .filter((_, index) => found[index])
    .map((file) => `napi-only-in-native-src-napi: ${relative(ROOT, file)} includes an N-API header`);
}
