import { read } from 'node:fs';
import { promisify } from 'node:util';
import xxhash from 'xxhash-wasm';

const xxh = await xxhash();
const PIECE = 1 << 20;

/**
 * XXH64 of a range of a file, by an implementation that is not ours.
 * @type {import('../../../src/core/ports.js').ChecksumFile}
 */
export const xxh64File = async (fd, offset, bytes, seed) => {
  const hash = xxh.create64(seed);
  for (let done = 0; done < bytes;) {
    const piece = new Uint8Array(Math.min(PIECE, bytes - done));
    const { bytesRead } = await promisify(read)(fd, piece, 0, piece.length, offset + done);
    if (bytesRead === 0) throw new Error(`the file ends ${bytes - done} bytes too early`);
    hash.update(piece.subarray(0, bytesRead));
    done += bytesRead;
  }
  return hash.digest();
};

/**
 * @param {Uint8Array} bytes
 * @param {bigint} seed
 */
export function xxh64(bytes, seed) {
  return xxh.create64(seed).update(bytes).digest();
}
