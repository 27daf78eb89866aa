import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ADDON_PATH, loadAddon } from '../../../src/adapters/mlx/load-addon.js';
import { SemanticError } from '../../../src/core/domain/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'semantic-addon-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function failure(path: string): SemanticError {
  try {
    loadAddon(path);
  } catch (error) {
    if (error instanceof SemanticError) return error;
    throw error;
  }
  throw new Error('wanted an error, got an addon');
}

describe('loadAddon()', () => {
  it('finds the addon of this package', () => {
    expect(ADDON_PATH.endsWith(join('native', 'build', 'semantic.node'))).toBe(true);
    expect(typeof loadAddon().Engine).toBe('function');
  });

  it('says that it has not been built, and the command that does it', () => {
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
