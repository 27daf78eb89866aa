/** Reads zip archives (wheels): the entries, and one entry as a checked stream. Stored and deflated entries, no zip64. */
import { createReadStream } from 'node:fs';
import { chmod, mkdir, open } from 'node:fs/promises';
import { createWriteStream } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';

const END_SIGNATURE = 0x06054b50;
const CENTRAL_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const END_BYTES = 22; // without its comment, which is at most 65535 bytes
const STORED = 0;
const DEFLATED = 8;

/**
 * @typedef {object} ZipEntry
 * @property {string} path       with forward slashes; folders end in one
 * @property {number} method     0 stored, 8 deflated
 * @property {number} packed     bytes in the archive
 * @property {number} bytes      bytes unpacked
 * @property {number} crc        CRC-32 of them
 * @property {number} offset     of its local header
 * @property {number} mode       unix permission bits, 0 when the archive has none
 */

/**
 * @param {string} archive
 * @returns {Promise<ZipEntry[]>}
 */
export async function readZipEntries(archive) {
  const file = await open(archive, 'r');
  try {
    const { size } = await file.stat();
    const tail = Buffer.alloc(Math.min(size, END_BYTES + 0xffff));
    await file.read(tail, 0, tail.length, size - tail.length);
    const end = findEnd(tail);
    if (end < 0) throw new Error(`[zip] ${archive} has no end record: it is truncated or not a zip file`);
    const count = tail.readUInt16LE(end + 10);
    const directory = Buffer.alloc(tail.readUInt32LE(end + 12));
    const start = tail.readUInt32LE(end + 16);
    if (count === 0xffff || start === 0xffffffff) throw new Error(`[zip] ${archive} is a zip64 file, wanted a plain zip`);
    if (start + directory.length > size) throw new Error(`[zip] ${archive} is truncated: its directory lies past its end`);
    await file.read(directory, 0, directory.length, start);
    return parseDirectory(directory, count, archive);
  } finally {
    await file.close();
  }
}

/** @param {Buffer} tail */
function findEnd(tail) {
  for (let at = tail.length - END_BYTES; at >= 0; at -= 1) if (tail.readUInt32LE(at) === END_SIGNATURE) return at;
  return -1;
}

/**
 * @param {Buffer} directory
 * @param {number} count
 * @param {string} archive
 */
function parseDirectory(directory, count, archive) {
  /** @type {ZipEntry[]} */
  const entries = [];
  let at = 0;
  for (let index = 0; index < count; index += 1) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL_SIGNATURE) {
      throw new Error(`[zip] ${archive} is damaged: entry ${index} of ${count} is not a directory entry`);
    }
    const nameBytes = directory.readUInt16LE(at + 28);
    entries.push({
      path: directory.toString('utf8', at + 46, at + 46 + nameBytes),
      method: directory.readUInt16LE(at + 10),
      packed: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      crc: directory.readUInt32LE(at + 16),
      offset: directory.readUInt32LE(at + 42),
      mode: (directory.readUInt32LE(at + 38) >>> 16) & 0o777,
    });
    at += 46 + nameBytes + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
  return entries;
}

/**
 * The unpacked bytes of one entry. The stream fails when the entry is damaged.
 * @param {string} archive
 * @param {ZipEntry} entry
 * @returns {Promise<import('node:stream').Readable>}
 */
export async function openZipEntry(archive, entry) {
  const header = Buffer.alloc(30);
  const file = await open(archive, 'r');
  try {
    await file.read(header, 0, header.length, entry.offset);
  } finally {
    await file.close();
  }
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE) throw new Error(`[zip] ${archive} is damaged at ${entry.path}`);
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw new Error(`[zip] ${entry.path} uses compression method ${entry.method}, wanted stored or deflated`);
  }
  const output = verified(archive, entry);
  if (entry.packed === 0) return output.end();
  const start = entry.offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const input = createReadStream(archive, { start, end: start + entry.packed - 1, highWaterMark: 1 << 20 });
  const unpacked = entry.method === DEFLATED ? createInflateRaw() : new PassThrough();
  pipeline(input, unpacked, output).catch((error) => output.destroy(error));
  return output;
}

/**
 * Passes bytes on, and fails at the end unless they have the length and the checksum of the entry.
 * @param {string} archive
 * @param {ZipEntry} entry
 */
function verified(archive, entry) {
  let bytes = 0;
  let crc = 0;
  return new Transform({
    transform(chunk, _encoding, next) {
      bytes += chunk.length;
      crc = crc32(chunk, crc);
      next(null, chunk);
    },
    flush(next) {
      const whole = bytes === entry.bytes && crc === entry.crc;
      next(whole ? null : new Error(`[zip] ${archive} is damaged: ${entry.path} has another checksum or length`));
    },
  });
}

/**
 * Unpacks every entry under `directory`, keeping permissions; refuses names that point outside it.
 * @param {string} archive
 * @param {string} directory
 * @param {(done: number, total: number) => void} [onProgress] bytes
 */
export async function unpackZip(archive, directory, onProgress) {
  const entries = await readZipEntries(archive);
  const total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  let done = 0;
  for (const entry of entries) {
    const target = join(directory, normalize(entry.path));
    if (!target.startsWith(directory + sep)) throw new Error(`[zip] ${archive} names ${entry.path}, outside its folder`);
    if (entry.path.endsWith('/')) {
      await mkdir(target, { recursive: true });
      continue;
    }
    await mkdir(dirname(target), { recursive: true });
    await pipeline(await openZipEntry(archive, entry), createWriteStream(target));
    if (entry.mode !== 0) await chmod(target, entry.mode);
    done += entry.bytes;
    onProgress?.(done, total);
  }
}
