/** A home with two models of one geometry: the starter model, and a copy of it that says something else. */
import { copyFileSync, mkdirSync, mkdtempSync, openSync, closeSync, readSync, rmSync, statSync, symlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { STARTER_MODEL, starterModelFile } from './starter-model.js';

export const OTHER_MODEL = 'other';

export interface TwoModels {
  readonly path: string;
  readonly otherFile: string;
  /** Another name for the same bytes as the starter model's. */
  addTwin(name: string): void;
  /** One more that says something else again. */
  addOther(name: string, shift: number): string;
  remove(): void;
}

export function createTwoModels(): TwoModels {
  const path = mkdtempSync(join(tmpdir(), 'semantic-two-'));
  const models = join(path, 'models');
  mkdirSync(models);
  symlinkSync(dirname(starterModelFile()), join(models, STARTER_MODEL));
  const fileOf = (name: string): string => {
    mkdirSync(join(models, name));
    const file = join(models, name, `${name}.gguf`);
    copyFileSync(starterModelFile(), file);
    return file;
  };
  const addOther = (name: string, shift: number): string => {
    const file = fileOf(name);
    disturb(file, shift);
    return file;
  };
  return {
    path,
    otherFile: addOther(OTHER_MODEL, 0),
    addTwin: (name) => void fileOf(name),
    addOther,
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}

/** Flips the lowest bit of bytes among the weights: a code or the lower half of a scale changes, and no scale becomes infinite. */
function disturb(file: string, shift: number): void {
  const fd = openSync(file, 'r+');
  const bytes = Buffer.alloc(400_000);
  const at = statSync(file).size - 30_000_000 + shift;
  readSync(fd, bytes, 0, bytes.length, at);
  for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 1;
  writeSync(fd, bytes, 0, bytes.length, at);
  closeSync(fd);
}
