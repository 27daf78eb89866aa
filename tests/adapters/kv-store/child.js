/**
 * A process that uses a store: `node child.js hold|write|fill|full DIRECTORY [COMMITS]`, the first two until they are killed. It says on stdout, one JSON per line, what it is
 * about to do and what is done. Runs the compiled sources.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';

import { openKvStore } from '#src/adapters/kv-store/open-kv-store.js';
import { xxh64, xxh64File } from './xxh64.js';

const [, , task, directory, count = '200'] = process.argv;
const BYTES = 20_000;

/** @param {object} message */
const say = (message) => void writeSync(1, `${JSON.stringify(message)}\n`);
/** @param {string | Uint8Array} text */
const sha = (text) => createHash('sha256').update(text).digest('hex');

const store = await openKvStore({
  directory: /** @type {string} */ (directory),
  limits: { maxBytes: 0, minFreeBytes: 0, maxBytesPerDay: 0 },
  extentBytes: 1 << 20,
  retrySeconds: 0.05,
  quarantineBytes: 1 << 20,
  compactionShare: 0.5,
  clock: { now: () => Date.now() },
  checksumFile: xxh64File,
  log: () => undefined,
});

/**
 * @param {string} seed
 * @param {string} owner
 */
async function write(seed, owner) {
  const blocks = [0, 1, 2].map((index) => ({
    hash: sha(`${seed}.${index}`),
    parent: sha(index === 0 ? 'start' : `${seed}.${index - 1}`),
    index,
    tokens: Int32Array.of(index, 1, 2, 3),
  }));
  const writer = await store.beginExtent(
    blocks.map((block) => ({ block, kind: 0, bytes: BYTES })),
    'fingerprint',
  );
  const sums = blocks.map(({ hash }, i) => {
    const { offset, seed: start } = /** @type {{ offset: number, seed: bigint }} */ (writer.places[i]);
    const content = Buffer.alloc(BYTES, hash);
    writeSync(writer.fd, content, 0, BYTES, offset);
    return xxh64(content, start);
  });
  await writer.commit(sums, owner);
  return blocks.map(({ hash }) => hash);
}

if (task === 'hold') {
  const hashes = await write('held', 'child');
  say({ done: 'committed', owner: 'child', hashes, state: store.status().state });
  setInterval(() => undefined, 1000);
} else if (task === 'fill') {
  /** @type {unknown} */
  let refused = null;
  for (let i = 0; i < Number(count) && refused === null; i++) {
    await write(`${i}`, 'child').then(
      (hashes) => say({ done: 'committed', owner: 'child', hashes }),
      (error) => (refused = error.code),
    );
  }
  say({ done: 'refused', code: refused, state: store.status().state, reason: store.status().reason });
  await store.close();
} else if (task === 'full') {
  const { state, blocks } = store.status();
  say({ done: 'opened', state, blocks, damaged: (await store.verify()).damaged.length });
  say({ done: 'purged', owner: 'child', ...(await store.purge('child')) });
  while (store.status().state !== 'ready') await new Promise((resolve) => setTimeout(resolve, 20));
  say({ done: 'committed', owner: 'child', hashes: await write('more', 'child') });
  await store.close();
} else {
  for (let i = 0; ; i++) {
    const owner = `owner-${i}`;
    say({ done: 'committed', owner, hashes: await write(`${process.pid}.${i}`, owner) });
    if (i % 3 !== 2) continue;
    say({ done: 'purging', owner: `owner-${i - 1}` });
    await store.purge(`owner-${i - 1}`);
    say({ done: 'purged', owner: `owner-${i - 1}` });
  }
}
