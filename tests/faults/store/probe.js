/**
 * A process that opens one directory after another and tells what a store hands out there. One line of stdin is
 * `{ directory, append }`, one line of stdout the answer (`Findings`). An image counts as handed out when its bytes have their
 * checksum, as in the engine; what has not is put aside, as the engine does.
 */
import { writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { FINGERPRINT, imageBytes, imageOf, KINDS, blockOf } from './contents.js';
import { agentDigest, tokensDigest } from './digests.js';
import { loadImage } from './load-image.js';
import { checksumFile, openStore } from './open-store.js';

/**
 * @typedef {{ readonly hash: string, readonly parent: string, readonly index: number, readonly fingerprint: string, readonly tokens: string,
 *   readonly owners: readonly string[], readonly images: Readonly<Record<string, string>> }} FoundBlock `images`: by kind, a digest of the bytes, or 'refused'
 * @typedef {{ readonly state: string, readonly reason: string | null, readonly blocks: readonly FoundBlock[], readonly agents: readonly string[],
 *   readonly log: readonly string[], readonly quarantined: number, readonly damaged: number, readonly appended: string | null }} Findings
 *   `agents`: digests of all there is of each; `damaged`: what verifying then still found; `appended`: null where storing more worked
 */

/** @param {string} directory @param {number} append number of the block to add; 0 = none @returns {Promise<Findings>} */
async function look(directory, append) {
  /** @type {string[]} */
  const log = [];
  const store = await openStore(directory, log);
  const { state, reason } = store.status();
  /** @type {FoundBlock[]} */
  const blocks = [];
  for (const { hash, parent, index, fingerprint, tokens, kinds } of store.find('')) {
    /** @type {Record<string, string>} */
    const images = {};
    const owners = store.describe(hash)?.owners ?? [];
    for (const kind of kinds) images[kind] = await loadImage(store, { hash, kind });
    blocks.push({ hash, parent, index, fingerprint, tokens: tokensDigest(tokens), owners, images });
  }
  const agents = store.agents().map(agentDigest).sort();
  const { damaged } = await store.verify();
  const appended = append === 0 || state !== 'ready' ? null : await appendBlock(store, append);
  const { quarantined } = store.status();
  await store.close();
  return { state, reason, blocks, agents, log, quarantined, damaged: damaged.length, appended };
}

/** @param {import('../../../src/core/ports.js').KvStore} store @param {number} number */
async function appendBlock(store, number) {
  try {
    const block = blockOf(`p${number}`, 2);
    const images = KINDS.map((kind) => ({ block, kind, bytes: imageBytes(kind) }));
    const writer = await store.beginExtent(images, FINGERPRINT);
    const checksums = [];
    for (const [i, { kind }] of images.entries()) {
      const { offset = 0, seed = 0n } = writer.places[i] ?? {};
      writeSync(writer.fd, imageOf(block.hash, kind), 0, imageBytes(kind), offset);
      checksums.push(await checksumFile(writer.fd, offset, imageBytes(kind), seed));
    }
    await writer.commit(checksums, 'probe');
    return store.get(block.hash) === null ? 'it is not there' : null;
  } catch (error) {
    return String(error);
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const { directory, append } = JSON.parse(line);
  /** @type {Findings | { failed: string }} */
  const answer = await look(directory, append).catch((error) => ({
    failed: error instanceof Error ? (error.stack ?? error.message) : String(error),
  }));
  writeSync(1, `${JSON.stringify(answer)}\n`);
}
