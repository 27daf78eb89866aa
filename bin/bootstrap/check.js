/** `npm run check`: every hygiene tool, one after the other; all are run, so that one run shows all there is to fix. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';

import { checkBoundaries } from './check-boundaries.js';
import { checkLicences } from './check-licences.js';
import { ROOT, STATE } from './layout.js';

const TYPE_AWARE_LINT = ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'];

/** What the compiler remembers, so that the next check takes a fraction of the time. */
const TYPES_SEEN = join(STATE, 'check.tsbuildinfo');

/** @type {Record<string, () => Promise<number>>} */
const CHECKS = {
  format: () => tool(['node_modules/oxfmt/bin/oxfmt', '--check', '.']),
  lint: () => tool(TYPE_AWARE_LINT),
  types: () => tool(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', TYPES_SEEN]),
  boundaries: checkBoundaries,
  'dead code': () => tool(['node_modules/knip/bin/knip.js', '--no-progress']),
  licences: checkLicences,
};

/** @param {string[]} only names of checks; [] is all */
export async function check(only) {
  const unknown = only.filter((name) => !Object.hasOwn(CHECKS, name));
  if (unknown.length > 0) {
    process.stderr.write(`[check] unknown ${unknown.join(', ')}, wanted ${Object.keys(CHECKS).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const failed = [];
  for (const [name, run] of Object.entries(CHECKS)) {
    if (only.length > 0 && !only.includes(name)) continue;
    const started = performance.now();
    const exit = await run();
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    process.stderr.write(`check: ${name} ${exit === 0 ? 'ok' : 'FAILED'} (${seconds} s)\n`);
    if (exit !== 0) failed.push(name);
  }
  if (failed.length > 0) process.stderr.write(`check: failed: ${failed.join(', ')}\n`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

/**
 * @param {string[]} args a script of node_modules and its arguments
 * @returns {Promise<number>}
 */
async function tool(args) {
  const [script = '', ...rest] = args;
  const child = spawn(process.execPath, [join(ROOT, script), ...rest], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] });
  return new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
}
