/** What was seen of each client, for the table in docs/clients.md. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Cell } from '../report/cells.js';

export const RESULTS = fileURLToPath(new URL('../../../native/build/clients', import.meta.url));

export function noteCell(client: string, cell: Cell, seen: string): void {
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(join(RESULTS, `${client}.${cell}.json`), `${JSON.stringify(seen)}\n`);
}
