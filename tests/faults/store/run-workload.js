/**
 * A process that runs the workload on a directory and says on stdout, one JSON line each, what is done: `{ step }` once a step is
 * acknowledged, `{ refused, code, status }` where it was refused. With `--retry` it then waits for a line on stdin, until the store
 * is ready again and for what was refused to pass.
 */
import { once } from 'node:events';
import { writeSync } from 'node:fs';
import { blockOf, FINGERPRINT, imageBytes, imageOf, KINDS } from './contents.js';
import { digest } from './digests.js';
import { loadImage } from './load-image.js';
import { checksumOf, openStore } from './open-store.js';
import { agentOf, hashesOf, STEPS } from './workload.js';

const [directory = '', mode = ''] = process.argv.slice(2);
/** @type {string[]} */
const log = [];

/** Synchronous: it is out before anything else can happen. @param {object} line */
const say = (line) => void writeSync(1, `${JSON.stringify(line)}\n`);

const store = await openStore(directory, log);
say({ opened: true });

/** @type {number[]} */
let left = STEPS.map((_, i) => i);
if (mode === '--retry') {
  const early = left.slice(0, -1); // all but closing
  const refused = await attempt(early);
  say({ round: 1, status: store.status().state, reason: store.status().reason, log, wrong: await wrongImages() });
  await once(process.stdin, 'data');
  for (let i = 0; store.status().state !== 'ready' && i < 400; i++) await new Promise((resolve) => setTimeout(resolve, 10));
  say({ round: 2, status: store.status().state, reason: store.status().reason, log, wrong: await wrongImages() });
  left = [...(await attempt(refused)), left.at(-1) ?? 0];
}
await attempt(left);
process.stdin.unref?.();
process.exitCode = 0;

/** The engine's part: its own failure is nothing that the store has to tell of. @param {number} fd @param {Uint8Array} bytes @param {number} offset */
function writeFully(fd, bytes, offset) {
  try {
    for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done, bytes.length - done, offset + done);
  } catch (cause) {
    throw Object.assign(new Error('the bytes could not be written', { cause }), { code: 'OWN_WRITE' });
  }
}

/** The running store, whatever condition it is in, hands out nothing that is wrong. */
async function wrongImages() {
  let wrong = 0;
  for (const { hash, kinds } of store.find(''))
    for (const kind of kinds) if (![digest(imageOf(hash, kind)), 'refused'].includes(await loadImage(store, { hash, kind }))) wrong++;
  return wrong;
}

/** Runs steps in order; gives those that were refused. @param {readonly number[]} steps */
async function attempt(steps) {
  /** @type {number[]} */
  const refused = [];
  for (const i of steps) {
    try {
      const step = STEPS[i];
      if (step !== undefined) await run(step);
      say({ step: i });
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      const { state, reason } = store.status();
      say({ refused: i, code, status: state, reason, message: String(error) });
      refused.push(i);
    }
  }
  return refused;
}

/** @param {import('./workload.js').Step} step */
async function run(step) {
  switch (step.do) {
    case 'store':
      await Promise.all(step.extents.map((range) => storeRange(range, step.owner)));
      return;
    case 'own':
      return store.own(step.owner, hashesOf(step.blocks));
    case 'agent':
      return store.putAgent(agentOf(step.id, step.turn));
    case 'drop-agent':
      return store.dropAgent(step.id);
    case 'pin':
      return store.pin(step.owner, step.pinned);
    case 'disown':
      return store.disown(step.owner);
    case 'purge':
      return void (await store.purge(step.owner));
    case 'close':
      return store.close();
  }
}

/** As the engine does: only what is not stored yet, the bytes by other hands than the store's. @param {import('./workload.js').Range} range @param {string} owner */
async function storeRange({ chain, from, to }, owner) {
  const blocks = Array.from({ length: to - from }, (_, i) => blockOf(chain, from + i));
  const images = blocks.flatMap((block) =>
    KINDS.filter((kind) => store.get(block.hash)?.kinds.includes(kind) !== true).map((kind) => ({ block, kind, bytes: imageBytes(kind) })),
  );
  if (images.length > 0) {
    const writer = await store.beginExtent(images, FINGERPRINT);
    try {
      const checksums = images.map(({ block, kind }, i) => {
        const place = writer.places[i];
        if (place === undefined) throw new RangeError('fewer places than images');
        const bytes = imageOf(block.hash, kind);
        writeFully(writer.fd, bytes, place.offset);
        return checksumOf(bytes, place.seed);
      });
      await writer.commit(checksums, owner);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
  }
  await store.own(
    owner,
    blocks.map(({ hash }) => hash),
  );
}
