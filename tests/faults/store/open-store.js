/** Opens the store as it was compiled, with a checksum of its own kind: XXH64 by WebAssembly, so that no engine has to start. */
import { readSync } from 'node:fs';
import xxhash from 'xxhash-wasm';
import { openKvStore } from '#src/adapters/kv-store/open-kv-store.js';

/** Small: a compaction writes several extents. */
const EXTENT_BYTES = 40_000;

/**
 * @param {string} directory
 * @param {readonly string[]} log takes the messages
 * @param {{ readonly maxBytes?: number, readonly minFreeBytes?: number }} [limits]
 */
export async function openStore(directory, log, limits = {}) {
  const messages = /** @type {string[]} */ (log);
  return openKvStore({
    directory,
    limits: { maxBytes: limits.maxBytes ?? 0, minFreeBytes: limits.minFreeBytes ?? 0, maxBytesPerDay: 0 },
    extentBytes: EXTENT_BYTES,
    retrySeconds: 0.05,
    quarantineBytes: 1 << 20,
    compactionShare: 0.3,
    clock: { now: () => Date.now() },
    checksumFile,
    log: (level, message, fields) => void messages.push(`${level} ${message} ${JSON.stringify(fields)}`),
  });
}

const xxh = await xxhash();

/** @type {import('../../../src/core/ports.js').ChecksumFile} */
export async function checksumFile(fd, offset, bytes, seed) {
  return checksumOf(readFully(fd, offset, bytes), seed);
}

/** @param {Uint8Array} bytes @param {bigint} seed */
export function checksumOf(bytes, seed) {
  return xxh.h64Raw(bytes, seed);
}

/** @param {number} fd @param {number} offset @param {number} bytes */
export function readFully(fd, offset, bytes) {
  const buffer = new Uint8Array(bytes);
  for (let done = 0; done < bytes;) {
    const n = readSync(fd, buffer, done, bytes - done, offset + done);
    if (n === 0) throw new RangeError(`wanted ${bytes} bytes at ${offset}, the file ends after ${done}`);
    done += n;
  }
  return buffer;
}
