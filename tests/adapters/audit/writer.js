/** A process that writes to an audit log: `node writer.js FILE COUNT NAME`. It says each number when it is recorded. Runs the compiled sources. */
import { writeSync } from 'node:fs';

import { AuditLog } from '#src/adapters/audit/audit-log.js';

const [, , path, count, actor] = process.argv;
const log = new AuditLog({
  path: /** @type {string} */ (path),
  maxBytes: 20_000,
  retryMs: 1_000,
  onRefused: (error) => {
    throw error;
  },
});
for (let n = 0; n < Number(count); n++) {
  await log.record({ actor: /** @type {string} */ (actor), action: 'test', target: String(n), outcome: 'ok', request: null });
  writeSync(1, `${n}\n`);
}
await log.close();
