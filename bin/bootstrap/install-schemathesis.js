/** Step: schemathesis, which checks the HTTP API against its document, in a Python environment of its own. */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { BootstrapError } from './bootstrap-error.js';
import { hashFiles } from './hash-tree.js';
import { logFile, ROOT, STATE } from './layout.js';
import { runCommand, tailOf } from './run-command.js';
import { hasStamp, writeStamp } from './stamp.js';

const STEP = 'schemathesis';
const ENVIRONMENT = join(STATE, 'contract');
const REQUIREMENTS = join(ROOT, 'tests/contract/requirements.txt');
const SCHEMATHESIS = join(ENVIRONMENT, 'bin/schemathesis');

/** @type {import('./main.js').Step} */
export const installSchemathesis = {
  title: 'Installing schemathesis',
  async isDone() {
    return existsSync(SCHEMATHESIS) && (await hasStamp(STEP, await key()));
  },
  async run() {
    const log = logFile(STEP);
    await rm(ENVIRONMENT, { recursive: true, force: true });
    await python(['-m', 'venv', '--without-pip', ENVIRONMENT], log, 'make a Python environment');
    // pip is the user's own: it knows their index, proxy and certificates.
    await python(['-m', 'pip', '--python', join(ENVIRONMENT, 'bin/python'), ...INSTALL], log, 'install schemathesis');
    await writeStamp(STEP, await key());
  },
};

const INSTALL = ['install', '--disable-pip-version-check', '--no-input', '--only-binary', ':all:', '--requirement', REQUIREMENTS];

/**
 * @param {string[]} args
 * @param {string} log
 * @param {string} what
 */
async function python(args, log, what) {
  const exit = await runCommand('python3', args, { log, append: true });
  if (exit === 0) return;
  throw new BootstrapError('StepFailed', `[bootstrap] python3 could not ${what} (exit code ${exit})`, {
    log,
    tail: await tailOf(log),
    hint: 'Check the network and the index pip uses, then run the same command again.',
  });
}

function key() {
  return hashFiles(ROOT, [REQUIREMENTS]);
}
