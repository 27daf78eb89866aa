/** `npm run test:sanitize`: tests on the addon with AddressSanitizer and UndefinedBehaviorSanitizer. A report of any process of the run fails it. */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

import { SANITIZED } from './build-addon.js';
import { ROOT } from './layout.js';

const TESTS = join(ROOT, 'tests/sanitize');
const REPORTS = join(SANITIZED, 'reports');
/** Leaks are looked for too, when a process ends. */
const LEAKS = '--leaks';

/** @param {string[]} args --leaks, and what goes to vitest, such as a file */
export async function testSanitized(args) {
  const runtime = await asanRuntime();
  if (runtime === null) {
    process.stderr.write(
      '[sanitize] wanted Linux with GCC, whose libasan.so can be preloaded into Node; `c++ -print-file-name=libasan.so` names none\n',
    );
    process.exitCode = 8;
    return;
  }
  rmSync(REPORTS, { recursive: true, force: true });
  mkdirSync(REPORTS, { recursive: true });
  const env = { ...process.env, ...sanitizerVariables(runtime, args.includes(LEAKS)) };
  const vitest = [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', '--config', join(TESTS, 'vitest.config.ts')];
  const child = spawn(process.execPath, [...vitest, ...args.filter((arg) => arg !== LEAKS)], { cwd: ROOT, env, stdio: 'inherit' });
  const exit = await new Promise((resolve) => {
    child.on('error', () => resolve(1));
    child.on('close', (code) => resolve(code ?? 1));
  });
  const reports = readdirSync(REPORTS);
  for (const name of reports) process.stderr.write(`\n${readFileSync(join(REPORTS, name), 'utf8')}`);
  process.stderr.write(`[sanitize] ${reports.length} reports\n`);
  process.exitCode = reports.length > 0 ? 1 : exit;
}

/** @returns {Promise<string | null>} the library that has to be in a process before any other */
async function asanRuntime() {
  if (process.platform !== 'linux') return null;
  const compiler = process.env['CXX'] ?? 'c++';
  try {
    const { stdout } = await promisify(execFile)(compiler, ['-print-file-name=libasan.so']);
    return isAbsolute(stdout.trim()) ? stdout.trim() : null;
  } catch {
    return null;
  }
}

/**
 * @param {string} runtime
 * @param {boolean} leaks
 */
function sanitizerVariables(runtime, leaks) {
  const report = `log_path=${join(REPORTS, 'report')}`;
  return {
    LD_PRELOAD: runtime,
    NODE_OPTIONS: `--import ${pathToFileURL(join(TESTS, 'redirect.mjs')).href}`,
    ASAN_OPTIONS: [
      `detect_leaks=${leaks ? 1 : 0}`,
      'strict_string_checks=1',
      // GCC before 12.4 and 13.3 keeps the 64-byte vectors of such stacks at addresses it then refuses (its bug 110027).
      'detect_stack_use_after_return=0',
      // Not to be replaced by Node's: a crash without a report would only be a worker that went away.
      'handle_segv=2',
      'check_initialization_order=1',
      report,
    ].join(':'),
    UBSAN_OPTIONS: ['halt_on_error=1', 'print_stacktrace=1', `suppressions=${join(TESTS, 'ubsan.supp')}`, report].join(':'),
    LSAN_OPTIONS: [`suppressions=${join(TESTS, 'lsan.supp')}`, 'print_suppressions=0'].join(':'),
  };
}
