import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { findAddon } from '../../../src/adapters/paths/find-addon.js';
import { loadAddon } from '../../../src/adapters/mlx/load-addon.js';
import { SemanticError } from '../../../src/core/domain/errors.js';

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-addon-')));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function failure(path: string): SemanticError {
  try {
    loadAddon({ path, fix: 'Run `npm start`' });
  } catch (error) {
    if (error instanceof SemanticError) return error;
    throw error;
  }
  throw new Error('wanted an error, got an addon');
}

describe('findAddon()', () => {
  it('takes that of the package for the platform where this is no checkout, and says what npm is to install where it is not there', () => {
    const root = join(folder, 'node_modules', 'semantic');
    const name = `semantic-${process.platform}-${process.arch}`;
    mkdirSync(root, { recursive: true });
    expect(findAddon(root)).toMatchObject({ path: join(root, 'node_modules', name, 'build', 'semantic.node'), isBuiltHere: false });
    expect(findAddon(root).fix).toContain(`npm install ${name}`);
    const beside = join(folder, 'node_modules', name);
    mkdirSync(beside);
    writeFileSync(join(beside, 'package.json'), '{}');
    expect(findAddon(root)).toMatchObject({ path: join(beside, 'build', 'semantic.node'), libraries: join(beside, 'deps', 'mlx') });
  });
});

describe('loadAddon()', () => {
  it('finds the addon of this package', () => {
    expect(findAddon().path.endsWith(join('native', 'build', 'semantic.node'))).toBe(true);
    expect(typeof loadAddon().Engine).toBe('function');
  });

  it('says that it is not there, and what brings it', () => {
    const error = failure(join(folder, 'semantic.node'));
    expect(error.code).toBe('PrerequisiteMissing');
    expect(error.message).toContain(join(folder, 'semantic.node'));
    expect(error.hint).toMatch(/npm start/);
  });

  it('says why the system would not load it', () => {
    const path = join(folder, 'broken.node');
    writeFileSync(path, 'not a library');
    const error = failure(path);
    expect(error.code).toBe('PrerequisiteMissing');
    expect(error.message).toMatch(/cannot be loaded: .+/);
    expect(error.cause).toBeInstanceOf(Error);
  });
});
