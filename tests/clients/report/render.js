/** `node tests/clients/report/render.js`: writes what the last run of `npm run test:clients` saw into docs/clients.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CELLS, CLIENTS } from './cells.js';

const inRepository = (/** @type {string} */ path) => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const PAGE = inRepository('docs/clients.md');
const RESULTS = inRepository('native/build/clients');
const [BEGIN, END] = ['<!-- client table -->', '<!-- end of client table -->'];

/** @param {string} client @param {string} cell */
function seen(client, cell) {
  const file = join(RESULTS, `${client}.${cell}.json`);
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : '';
}

const header = ['client', ...Object.values(CELLS)];
const rows = Object.entries(CLIENTS).map(([client, name]) => [name, ...Object.keys(CELLS).map((cell) => seen(client, cell))]);
const table = [header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
const date = new Date().toISOString().slice(0, 10);
const page = readFileSync(PAGE, 'utf8');
const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
if (start < 0 || end < start) throw new Error(`${PAGE} lacks ${BEGIN} or ${END}`);
const text = `Recorded on ${date} by \`npm run test:clients\`:\n\n${table}`;
writeFileSync(PAGE, `${page.slice(0, start + BEGIN.length)}\n${text}\n${page.slice(end)}`);
