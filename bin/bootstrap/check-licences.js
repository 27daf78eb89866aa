/** The licences of every installed package: permissive ones only. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { ROOT } from './layout.js';

const CHECKER = 'node_modules/license-checker-rseidelsohn/bin/license-checker-rseidelsohn.js';
const PERMISSIVE = [
  'MIT',
  'MIT-0',
  'ISC',
  'Apache-2.0',
  '0BSD',
  'BSD',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'CC0-1.0',
  'CC-BY-4.0',
  'CC-BY-3.0',
  'Python-2.0',
  'Unlicense',
  'WTFPL',
  'Zlib',
];

/** @returns {Promise<number>} exit code */
export async function checkLicences() {
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, CHECKER), '--json', '--start', ROOT], {
    maxBuffer: 64 * 1024 * 1024,
  });
  /** @type {Record<string, { licenses: string | string[] }>} */
  const packages = JSON.parse(stdout);
  const names = Object.keys(packages);
  const refused = Object.entries(packages).filter(([, { licenses }]) => ![licenses].flat().some(isPermissive));
  for (const [name, { licenses }] of refused) process.stderr.write(`  ${name}: ${[licenses].flat().join(', ')}\n`);
  process.stderr.write(`  ${names.length} packages\n`);
  return refused.length === 0 && names.length > 0 ? 0 : 1;
}

/** "(MIT OR GPL-2.0)" is permissive, "(MIT AND GPL-2.0)" is not. @param {string} expression */
function isPermissive(expression) {
  const plain = expression.replaceAll(/[()*]/g, '').trim();
  return plain.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((licence) => PERMISSIVE.includes(licence.trim())));
}
