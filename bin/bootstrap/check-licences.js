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

/** File-level copyleft: fine for tools that are never shipped. */
const TOOLS_ONLY = ['MPL-2.0'];

/** @returns {Promise<number>} exit code */
export async function checkLicences() {
  const shipped = await refusedPackages(['--production'], PERMISSIVE);
  const installed = await refusedPackages([], [...PERMISSIVE, ...TOOLS_ONLY]);
  const refused = [...shipped.refused.map((line) => `shipped: ${line}`), ...installed.refused];
  for (const line of refused) process.stderr.write(`  ${line}\n`);
  process.stderr.write(`  ${shipped.count} packages shipped, ${installed.count} installed\n`);
  return refused.length === 0 && shipped.count > 0 ? 0 : 1;
}

/**
 * @param {readonly string[]} args
 * @param {readonly string[]} allowed
 */
async function refusedPackages(args, allowed) {
  const command = [join(ROOT, CHECKER), '--json', '--start', ROOT, ...args];
  const { stdout } = await promisify(execFile)(process.execPath, command, { maxBuffer: 64 * 1024 * 1024 });
  /** @type {Record<string, { licenses: string | string[] }>} */
  const packages = JSON.parse(stdout);
  const entries = Object.entries(packages).map(([name, { licenses }]) => ({ name, licences: [licenses].flat() }));
  const refused = entries.filter(({ licences }) => !licences.some((licence) => isAllowed(licence, allowed)));
  return { count: entries.length, refused: refused.map(({ name, licences }) => `${name}: ${licences.join(', ')}`) };
}

/**
 * "(MIT OR GPL-2.0)" is permissive, "(MIT AND GPL-2.0)" is not.
 * @param {string} expression
 * @param {readonly string[]} allowed
 */
function isAllowed(expression, allowed) {
  const plain = expression.replaceAll(/[()*]/g, '').trim();
  return plain.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((licence) => allowed.includes(licence.trim())));
}
