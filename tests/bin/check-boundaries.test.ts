import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));
const COPIED = [
  'bin',
  'src',
  'native/src',
  'native/index.d.ts',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  '.dependency-cruiser.mjs',
];

let root: string;

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'semantic-boundaries-'));
  for (const path of COPIED) cpSync(join(REPOSITORY, path), join(root, path), { recursive: true });
  symlinkSync(join(REPOSITORY, 'node_modules'), join(root, 'node_modules'));
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

const check = (): { status: number | null; stderr: string } =>
  spawnSync(process.execPath, ['bin/bootstrap.js', 'check', 'boundaries'], { cwd: root, encoding: 'utf8' });

it('the check fails and names the file when the domain imports an adapter or napi.h leaves its folder', () => {
  writeFileSync(join(root, 'src/core/domain/broken.ts'), "export * from '../../adapters/paths/paths.js';\n");
  writeFileSync(join(root, 'native/src/sampling/broken.h'), '#include <napi.h>\n');
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toContain('domain-imports-only-domain: src/core/domain/broken.ts -> src/adapters/paths/paths.ts');
  expect(stderr).toContain('napi-only-in-native-src-napi: native/src/sampling/broken.h');
});

it('the check fails when the checker sees no module at all', () => {
  writeFileSync(join(root, '.dependency-cruiser.mjs'), "export default { forbidden: [], options: { exclude: { path: '.' } } };\n");
  const { status, stderr } = check();
  expect(status).toBe(1);
  expect(stderr).toMatch(/saw 0 of \d+ modules/);
});

it.each([
  ['2 passed, 0 failed', 0, { numPassedTests: 2, numFailedTests: 0, testResults: [{ status: 'passed', assertionResults: [1, 2] }] }],
  ['1 passed, 1 failed', 1, { numPassedTests: 1, numFailedTests: 1, testResults: [{ status: 'failed', assertionResults: [1, 2] }] }],
  ['3 passed, 1 failed', 1, { numPassedTests: 3, numFailedTests: 0, testResults: [{ status: 'failed', assertionResults: [] }] }],
  ['0 passed, 0 failed', 1, { numPassedTests: 0, numFailedTests: 0, testResults: [] }],
])('the CI summary says "%s" and ends with %i', (line, exit, report) => {
  const file = join(root, 'report.json');
  writeFileSync(file, JSON.stringify(report));
  const { status, stdout } = spawnSync(process.execPath, [join(REPOSITORY, 'bin/bootstrap/count-tests.js'), file], { encoding: 'utf8' });
  expect({ status, stdout }).toEqual({ status: exit, stdout: `${line}\n` });
});

it('the CI summary counts a missing report as a failure', () => {
  const run = (): string =>
    execFileSync(process.execPath, [join(REPOSITORY, 'bin/bootstrap/count-tests.js'), join(root, 'absent')], { encoding: 'utf8' });
  expect(run).toThrow(/Command failed/);
});
