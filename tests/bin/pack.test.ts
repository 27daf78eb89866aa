/** The packages as npm would publish them: what is in them, and that the commands find the addon in the one beside them. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHome } from '../support/run-semantic.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PLATFORM = `semantic-${process.platform}-${process.arch}`;
const pack = (args: readonly string[]) =>
  execa(process.execPath, [join(ROOT, 'bin/bootstrap.js'), 'pack', ...args], { reject: false, timeout: 110_000 });

const out = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-pack-')));
const manifest = (name: string): Record<string, Record<string, string>> =>
  JSON.parse(readFileSync(join(out, name, 'package.json'), 'utf8')) as Record<string, Record<string, string>>;
let packed: Awaited<ReturnType<typeof pack>>;
afterAll(() => rmSync(out, { recursive: true, force: true }));

beforeAll(async () => {
  packed = await pack([out]);
});

test('it says what it made, and how large that is', () => {
  expect([packed.exitCode, packed.stderr]).toEqual([0, expect.stringMatching(/semantic-[\d.]+\.tgz: [\d.]+ MB/)]);
});

describe('semantic', () => {
  test('has no script, needs no compiler, and names the package of every platform', () => {
    const { scripts, devDependencies, dependencies, optionalDependencies, version } = manifest('semantic');
    expect([scripts, devDependencies]).toEqual([undefined, undefined]);
    expect(Object.keys(dependencies!)).not.toContain('node-addon-api');
    expect(Object.keys(optionalDependencies!).toSorted()).toEqual(['semantic-darwin-arm64', 'semantic-linux-arm64', 'semantic-linux-x64']);
    expect(new Set(Object.values(optionalDependencies!))).toEqual(new Set([version]));
  });

  test('holds nothing that is only for building or testing it', () => {
    const top = readdirSync(join(out, 'semantic')).toSorted();
    expect(top).toEqual(['LICENSE', 'NOTICE', 'README.md', 'SECURITY.md', 'bin', 'config', 'dist', 'package.json']);
    const files = readdirSync(join(out, 'semantic'), { recursive: true }) as string[];
    expect(files.filter((file) => /\.(map|ts|cc|h)$|test/.test(file))).toEqual([]);
  });

  test('has every file that its own files import', () => {
    const folder = join(out, 'semantic');
    const scripts = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.js'));
    const missing = scripts.flatMap((file) => {
      const text = readFileSync(join(folder, file), 'utf8');
      const imported = [...text.matchAll(/(?:from|import\()\s*'(\.{1,2}\/[^']+)'/g)].map(([, path]) => join(dirname(file), path!));
      return imported.filter((path) => !existsSync(join(folder, path)));
    });
    expect(scripts.length).toBeGreaterThan(100);
    expect(missing).toEqual([]);
  });
});

test('the platform has the addon, MLX once, and its licences; no headers', () => {
  const files = (readdirSync(join(out, PLATFORM), { recursive: true }) as string[]).filter((file) => /\.\w+$/.test(file));
  expect(files.filter((file) => file.endsWith('.node'))).toEqual([join('build', 'semantic.node')]);
  expect(files.filter((file) => /libmlx\.\w+$/.test(file))).toHaveLength(1);
  expect(files.filter((file) => /\.(h|hpp|cmake)$/.test(file))).toEqual([]);
  expect(manifest(PLATFORM)).toMatchObject({ os: [process.platform], cpu: [process.arch], version: manifest('semantic')['version'] });
});

test('the commands find the addon in the package beside theirs, and say what to install where it is not there', async () => {
  mkdirSync(join(out, 'node_modules'));
  // npm would put copies there. Links into the checkout's keep this test off the network.
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    symlinkSync(join(ROOT, 'node_modules', name), join(out, 'node_modules', name));
  const home = createHome();
  const doctor = async (): Promise<Record<string, { detail: string; fix: string | null; state: string }>> => {
    const { stdout } = await execa(process.execPath, [join(out, 'semantic/bin/run.js'), 'doctor', '--json'], {
      reject: false,
      cwd: home.path,
      env: { SEMANTIC_HOME: home.path },
    });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; detail: string; fix: string | null; state: string }[] };
    return Object.fromEntries(checks.map((check) => [check.name, check]));
  };
  const without = await doctor();
  expect(Object.keys(without)).not.toContain('cmake');
  expect(without['addon']).toMatchObject({ state: 'missing', fix: expect.stringContaining(`npm install ${PLATFORM}`) as string });
  symlinkSync(join(out, PLATFORM), join(out, 'node_modules', PLATFORM));
  const there = await doctor();
  expect(there['addon']).toMatchObject({ state: 'ok', detail: expect.stringContaining(join(out, PLATFORM)) as string });
  expect(there['mlx']!.state).toBe('ok');
  home.remove();
});

test('a flag, or a second folder, is refused', async () => {
  const refused = await Promise.all([pack(['--all']), pack(['a', 'b'])]);
  expect(refused.map(({ exitCode }) => exitCode)).toEqual([2, 2]);
  expect(refused[0].stderr).toContain('wanted one folder');
});
