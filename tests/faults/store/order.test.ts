/** What a power cut would find: a killed process cannot tell, its writes live on in the page cache; the order of its calls can. */
import { expect, it } from 'vitest';
import { NO_SHIM } from '../shim/build-shim.js';
import { KIND, type LoggedCall } from '../shim/fault-control.js';
import { callsOfWorkload } from './workload-process.js';

const JOURNAL = 'kv/index.db-wal';

it.runIf(NO_SHIM === null)(
  'an extent and its name are synced before the index is told of it, and the index before its journal is let go',
  async () => {
    const calls = await callsOfWorkload();
    const extents = [...new Set(calls.map(({ path }) => path).filter((path) => path.startsWith('kv/extents/')))];
    expect(extents.length).toBeGreaterThan(5);
    for (const extent of extents) {
      const begun = calls.findIndex(({ path }) => path === extent);
      const written = calls.findLastIndex(({ path, kind }) => path === extent && kind === KIND.write);
      const synced = after(calls, written, ({ path, name }) => path === extent && name === 'fdatasync');
      const named = after(calls, synced, ({ path, name }) => path === 'kv/extents' && name === 'fsync');
      expect(Math.min(synced, named)).toBeGreaterThan(written);
      const told = after(calls, begun, ({ path, kind }) => path === JOURNAL && kind === KIND.write);
      const isAlone = !calls.slice(begun, named).some(({ path }) => path.startsWith('kv/extents/') && path !== extent);
      if (isAlone && told !== -1) expect(told).toBeGreaterThan(named);
    }
    const checkpoints = calls.flatMap(({ path, name }, i) => (path === JOURNAL && ['ftruncate', 'unlink'].includes(name) ? [i] : []));
    expect(checkpoints.length).toBeGreaterThan(0);
    for (const end of checkpoints) {
      const last = calls.slice(0, end).findLastIndex(({ path, kind }) => path === 'kv/index.db' && kind === KIND.write);
      if (last === -1) continue;
      expect(after(calls, last, ({ path, name }) => path === 'kv/index.db' && name === 'fsync')).toBeLessThan(end);
    }
  },
);

/** Index of the first such call behind `i`; -1 where there is none. */
function after(calls: readonly LoggedCall[], i: number, isSuch: (call: LoggedCall) => boolean): number {
  const found = calls.slice(i + 1).findIndex(isSuch);
  return found === -1 ? -1 : i + 1 + found;
}
