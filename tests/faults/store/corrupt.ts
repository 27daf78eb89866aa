/** Seeded damage to the files of a store at rest. */
import { copyFileSync, cpSync, existsSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Seeded } from '../seeded.js';

/** Also of many files at once: after a bad day of a disk, or of a backup. */
const MAX_DAMAGES = 3;
const PAGE = 4096;
const SECTOR = 512;

export interface Damage {
  readonly how: string;
  /** Below the directory. */
  readonly file: string;
}

type Verb = (random: Seeded, directory: string, file: string) => void;

/** `older`: the same directory at an earlier time, for what a restored backup brings back. */
export function corrupt(directory: string, older: string, seed: number): readonly Damage[] {
  const random = new Seeded(seed);
  const count = random.below(4) === 0 ? 1 + random.below(MAX_DAMAGES) : 1;
  return Array.from({ length: count }, () => {
    const files = filesOf(directory);
    const extents = files.filter(isExtent);
    // Half of the damage goes to extents, which are most of the bytes; the index and the small files have the other half.
    const file = extents.length > 0 && random.below(2) === 0 ? random.pick(extents) : random.pick(files);
    const how = random.pick(Object.keys(VERBS));
    if (how === 'restore an older copy') restoreOlder(random, directory, older);
    else VERBS[how]!(random, directory, file);
    return { how, file };
  });
}

export const isExtent = (file: string): boolean => file.startsWith('extents/') && file.endsWith('.safetensors');

export function filesOf(directory: string): readonly string[] {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .sort();
}

const VERBS: Readonly<Record<string, Verb>> = {
  'flip a bit': (random, directory, file) => change(directory, file, (bytes) => flip(random, bytes, 1)),
  'flip many bits': (random, directory, file) => change(directory, file, (bytes) => flip(random, bytes, 2 + random.below(64))),
  'flip a bit of the first kilobyte': (random, directory, file) =>
    change(directory, file, (bytes) => flip(random, bytes.subarray(0, 1024), 1)),
  'zero a page': (random, directory, file) => change(directory, file, (bytes) => void unit(random, bytes, PAGE).fill(0)),
  'zero a sector': (random, directory, file) => change(directory, file, (bytes) => void unit(random, bytes, SECTOR).fill(0)),
  'overwrite a page': (random, directory, file) => change(directory, file, (bytes) => noise(random, unit(random, bytes, PAGE))),
  'overwrite the file': (random, directory, file) => change(directory, file, (bytes) => noise(random, bytes)),
  'swap two pages': (random, directory, file) =>
    change(directory, file, (bytes) => {
      const [a, b] = [unit(random, bytes, PAGE), unit(random, bytes, PAGE)];
      if (a.length !== b.length) return;
      const kept = Buffer.from(a);
      b.copy(a);
      kept.copy(b);
    }),
  'cut it off': (random, directory, file) => {
    const bytes = readFileSync(join(directory, file));
    writeFileSync(join(directory, file), bytes.subarray(0, random.below(bytes.length + 1)));
  },
  'empty it': (_, directory, file) => writeFileSync(join(directory, file), ''),
  'append garbage': (random, directory, file) => {
    const garbage = Buffer.alloc(1 + random.below(9000));
    noise(random, garbage);
    writeFileSync(join(directory, file), garbage, { flag: 'a' });
  },
  'delete it': (_, directory, file) => rmSync(join(directory, file)),
  'duplicate an extent': (random, directory) => {
    const extent = pickExtent(random, directory);
    if (extent === null) return;
    const name = Array.from({ length: 24 }, () => random.below(16).toString(16)).join('');
    copyFileSync(join(directory, extent), join(directory, dirname(extent), `${name}.safetensors`));
  },
  'swap two extents': (random, directory) => {
    const [a, b] = [pickExtent(random, directory), pickExtent(random, directory)];
    if (a === null || b === null) return;
    const kept = readFileSync(join(directory, a));
    copyFileSync(join(directory, b), join(directory, a));
    writeFileSync(join(directory, b), kept);
  },
  'copy pages of one extent into another': (random, directory) => {
    const [a, b] = [pickExtent(random, directory), pickExtent(random, directory)];
    if (a === null || b === null) return;
    const from = readFileSync(join(directory, a));
    change(directory, b, (bytes) => {
      const at = PAGE * random.below(Math.max(1, Math.floor(Math.min(bytes.length, from.length) / PAGE)));
      from.copy(bytes, at, at, at + PAGE * (1 + random.below(4)));
    });
  },
  'restore an older copy': () => undefined, // needs the older directory: see restoreOlder
};

/** Of the index alone, of its journal alone, or of all but the extents; sometimes of the extents too. */
function restoreOlder(random: Seeded, directory: string, older: string): void {
  const wanted = random.pick([['index.db'], ['index.db-wal'], ['index.db', 'index.db-wal'], ['index.db', 'index.db-wal', 'extents']]);
  for (const name of wanted) {
    rmSync(join(directory, name), { recursive: true, force: true });
    if (existsSync(join(older, name))) cpSync(join(older, name), join(directory, name), { recursive: true }); // a store that was closed has no journal
  }
}

function pickExtent(random: Seeded, directory: string): string | null {
  const extents = filesOf(directory).filter(isExtent);
  return extents.length === 0 ? null : random.pick(extents);
}

function change(directory: string, file: string, work: (bytes: Buffer) => void): void {
  const path = join(directory, file);
  if (statSync(path).size === 0) return;
  const bytes = readFileSync(path);
  work(bytes);
  writeFileSync(path, bytes);
}

function flip(random: Seeded, bytes: Buffer, bits: number): void {
  for (let i = 0; i < bits; i++) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
}

function unit(random: Seeded, bytes: Buffer, size: number): Buffer {
  const at = size * random.below(Math.ceil(bytes.length / size));
  return bytes.subarray(at, at + size);
}

function noise(random: Seeded, bytes: Buffer): void {
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
}
