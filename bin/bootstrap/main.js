/** The trunk: which steps a command needs, their order, and how a failure is shown. */
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { audit } from './audit.js';
import { BootstrapError } from './bootstrap-error.js';
import { buildAddon, buildSanitized } from './build-addon.js';
import { check } from './check.js';
import { compileSources } from './compile-sources.js';
import { fetchMlx } from './fetch-mlx.js';
import { fetchEmbeddingModel, fetchModel } from './fetch-model.js';
import { takeFuzzOptions } from './fuzz-options.js';
import { installClients } from './install-clients.js';
import { installPackages } from './install-packages.js';
import { installSchemathesis } from './install-schemathesis.js';
import { ROOT } from './layout.js';
import { takeLock } from './lock.js';
import { pack } from './pack.js';
import { requirePrerequisites } from './prerequisites.js';
import { Progress } from './progress.js';
import { testSanitized } from './test-sanitized.js';
import { writeSbom } from './write-sbom.js';

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {() => Promise<boolean>} isDone
 * @property {(progress: Progress) => Promise<void>} run
 */

const ALL_STEPS = [installPackages, fetchMlx, fetchModel, buildAddon, compileSources];
const TEST_STEPS = [...ALL_STEPS, fetchEmbeddingModel];

const COMMANDS = {
  /** Everything, and nothing started. */
  setup: { steps: ALL_STEPS, start: async () => {} },
  serve: { steps: ALL_STEPS, start: (/** @type {string[]} */ args) => become('bin/run.js', ['serve', ...args]) },
  test: { steps: TEST_STEPS, start: (/** @type {string[]} */ args) => become('node_modules/vitest/vitest.mjs', ['run', ...args]) },
  /** The fault matrix in its long form: docs/reliability.md. */
  'test:faults': {
    steps: ALL_STEPS,
    start: (/** @type {string[]} */ args) => {
      process.env['FAULTS_FORM'] = 'long';
      return become('node_modules/vitest/vitest.mjs', ['run', 'tests/faults', ...args]);
    },
  },
  /** Requests and byte streams that no client should send: docs/security.md. */
  'test:fuzz': {
    steps: ALL_STEPS,
    start: (/** @type {string[]} */ args) => become('node_modules/vitest/vitest.mjs', ['run', 'tests/fuzz', ...takeFuzzOptions(args)]),
  },
  /** Real clients against a real daemon: docs/clients.md. */
  'test:clients': {
    steps: [...ALL_STEPS, installClients],
    start: (/** @type {string[]} */ args) =>
      become('node_modules/vitest/vitest.mjs', ['run', '--config', 'tests/clients/vitest.config.ts', ...args]),
  },
  /** The packages, installed from their tarballs: docs/installation.md. */
  'test:package': {
    steps: ALL_STEPS,
    start: (/** @type {string[]} */ args) =>
      become('node_modules/vitest/vitest.mjs', ['run', '--config', 'tests/package/vitest.config.ts', ...args]),
  },
  /** The HTTP API against its own document. */
  'test:contract': {
    steps: [...ALL_STEPS, installSchemathesis],
    start: (/** @type {string[]} */ args) => become('tests/contract/run.js', args),
  },
  /** The addon's tests on an addon that watches its memory: docs/reliability.md. */
  'test:sanitize': { steps: [...ALL_STEPS, buildSanitized], start: (/** @type {string[]} */ args) => testSanitized(args) },
  /** Packages that need neither a compiler nor this checkout: docs/installation.md. */
  pack: { steps: [installPackages, fetchMlx, buildAddon, compileSources], start: (/** @type {string[]} */ args) => pack(args) },
  check: { steps: [installPackages], start: (/** @type {string[]} */ args) => check(args) },
  /** Both ask the lockfile, not node_modules. */
  audit: { steps: [], start: (/** @type {string[]} */ args) => audit(args) },
  sbom: { steps: [], start: (/** @type {string[]} */ args) => writeSbom(args) },
};

/** @param {string[]} argv command, then what is passed on */
export async function main([name = 'serve', ...args]) {
  const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[/** @type {keyof typeof COMMANDS} */ (name)] : undefined;
  const passed = args[0] === '--' ? args.slice(1) : args;
  if (command === undefined) {
    process.stderr.write(`[bootstrap] unknown command "${name}", wanted ${Object.keys(COMMANDS).join(', ')}\n`);
    process.exitCode = 2;
    return;
  }
  const progress = new Progress();
  try {
    await prepare(command.steps, progress, command.steps.length > 1);
  } catch (error) {
    progress.clear();
    process.stderr.write(describe(error));
    process.exitCode = error instanceof BootstrapError ? error.exitCode : 1;
    return;
  }
  await command.start(passed);
}

/**
 * @param {readonly Step[]} steps
 * @param {Progress} progress
 * @param {boolean} needsTools compilers and Python are needed only where something native is made
 */
async function prepare(steps, progress, needsTools) {
  const done = await Promise.all(steps.map((step) => step.isDone()));
  if (done.every(Boolean)) return;
  if (needsTools) await requirePrerequisites();
  const release = await takeLock((line) => progress.note(line));
  try {
    for (const step of steps) {
      if (await step.isDone()) continue;
      progress.begin(step.title);
      await step.run(progress);
      progress.end();
    }
  } finally {
    await release();
  }
}

/**
 * Goes on as another program of ours in this very process, so that signals, terminal and exit code are its own.
 * @param {string} file
 * @param {string[]} args
 */
async function become(file, args) {
  const path = join(ROOT, file);
  process.argv = [process.execPath, path, ...args];
  await import(pathToFileURL(path).href);
}

/** @param {unknown} error */
function describe(error) {
  if (!(error instanceof BootstrapError))
    return `[bootstrap] unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`;
  const lines = [error.message];
  if (error.tail !== undefined && error.tail !== '') lines.push('', ...error.tail.split('\n').map((line) => `  | ${line}`), '');
  if (error.hint !== undefined) lines.push(error.hint);
  if (error.log !== undefined) lines.push(`The whole log: ${error.log}`);
  return `${lines.join('\n')}\n`;
}
