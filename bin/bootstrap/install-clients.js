/** Step: the clients that `npm run test:clients` starts, in a folder of their own. */
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { hashFiles } from './hash-tree.js';
import { npmFailure } from './install-packages.js';
import { logFile, ROOT } from './layout.js';
import { runCommand } from './run-command.js';
import { hasStamp, writeStamp } from './stamp.js';

const STEP = 'clients';
const FOLDER = join(ROOT, 'tests/clients');

/** @type {import('./main.js').Step} */
export const installClients = {
  title: 'Installing the clients (some 1.5 GB)',
  async isDone() {
    const installed = await stat(join(FOLDER, 'node_modules/.package-lock.json')).catch(() => undefined);
    return installed !== undefined && (await hasStamp(STEP, await key()));
  },
  async run() {
    const log = logFile(STEP);
    await rm(join(FOLDER, 'node_modules'), { recursive: true, force: true });
    const exit = await runCommand('npm', ['install', '--loglevel=error'], { cwd: FOLDER, log });
    if (exit !== 0) throw await npmFailure(exit, log);
    await writeStamp(STEP, await key());
  },
};

function key() {
  return hashFiles(ROOT, [join(FOLDER, 'package.json')]);
}
