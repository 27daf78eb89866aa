import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { COMMANDS } from '../../src/commands/index.js';
import { ERROR_TABLE } from '../../src/core/domain/errors.js';
import { createHome, semantic } from '../support/run-semantic.js';

const { path: home, ...own } = createHome();
afterAll(() => own.remove());
const run = (...args: string[]) => semantic(args, { home });

describe('help and version', () => {
  test('--version is one line, and loads nothing of ours or of oclif', async () => {
    const { stdout, exitCode } = await run('--version');
    expect([stdout, exitCode]).toEqual([expect.stringMatching(/^semantic\/\d+\.\d+\.\d+ \S+ node-v\d+/), 0]);
    const traced = await semantic(['--version'], { home, env: { NODE_DEBUG: 'esm' } });
    expect(traced.stderr).not.toMatch(/@oclif|dist\/commands/);
  });

  test.each(Object.keys(COMMANDS))('%s --help has a summary, usage, examples and --json', async (id) => {
    const { stdout, exitCode } = await run(...id.split(':'), '--help');
    expect(exitCode).toBe(0);
    for (const part of ['USAGE', 'EXAMPLES', '--json']) expect(stdout).toContain(part);
  });
});

describe('mistakes', () => {
  test('an unknown command is a usage error with the one that was meant', async () => {
    const { exitCode, stderr, stdout } = await run('modles', 'ls');
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Did you mean models ls?');
  });

  test.each([
    ['an unknown flag', ['chat', '--tempo', '1'], 'InvalidRequest', /Nonexistent flag: --tempo/],
    [
      'a flag value out of range',
      ['chat', 'Hi', '--temperature', '9'],
      'ConfigInvalid',
      /sampling\.temperature = 9 \(flag --temperature\)/,
    ],
    ['NaN as a flag value', ['chat', 'Hi', '--temperature', 'NaN'], 'ConfigInvalid', /sampling\.temperature = "NaN"/],
    ['a port out of range', ['serve', '--port', '70000'], 'ConfigInvalid', /server\.port = 70000/],
    ['an unknown model to pull', ['models', 'pull', 'smolm2-135m-instruct'], 'ModelNotFound', /no model/],
    ['a conversion to nowhere', ['models', 'convert', 'smollm2-135m-instruct'], 'InvalidRequest', /a folder to make or --name/],
    ['a conversion to two places', ['models', 'convert', 'x', 'y', '--name', 'z'], 'InvalidRequest', /one of the two/],
    ['a conversion to a bad name', ['models', 'convert', 'x', '--name', '../z'], 'InvalidRequest', /cannot be the name/],
    ['bits there are none of', ['models', 'convert', 'x', 'y', '--quantize', '3'], 'InvalidRequest', /--quantize/],
    ['copies of the catalogue', ['models', 'pull', 'smollm2-135m-instruct', '--copy'], 'InvalidRequest', /for files of this machine/],
    ['a repository that is written wrong', ['models', 'pull', 'hf:smollm2'], 'InvalidRequest', /wanted hf:owner\/name/],
    ['a model that is not there', ['chat', 'Hi', '--model', 'nothing-like-it'], 'ModelNotFound', /nothing-like-it/],
    ['no prompt at all', ['chat'], 'InvalidRequest', /prompt is empty/],
  ] as const)('%s: --json gives its code, and the exit code is that of the table', async (_name, args, code, message) => {
    const plain = await run(...args);
    expect([plain.exitCode, plain.stdout]).toEqual([ERROR_TABLE[code].exit, '']);
    expect(plain.stderr).toMatch(message);
    const json = await run(...args, '--json');
    expect(json.exitCode).toBe(ERROR_TABLE[code].exit);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code, message: expect.stringMatching(message) } });
  });

  test('a bad setting in the environment names variable and suggestion', async () => {
    const { exitCode, stderr } = await semantic(['doctor'], { home, env: { SEMANTIC_SERVER_PROT: '1' } });
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/SEMANTIC_SERVER_PROT[\s\S]*Did you mean SEMANTIC_SERVER_PORT\?/);
  });

  test('a .env in the working directory counts', async () => {
    const folder = createHome();
    writeFileSync(join(folder.path, '.env'), 'SEMANTIC_LOG_LEVEL=loud\n');
    const { exitCode, stderr } = await semantic(['doctor'], { home, cwd: folder.path });
    folder.remove();
    expect(exitCode).toBe(2);
    expect(stderr).toContain('log.level = "loud" (.env SEMANTIC_LOG_LEVEL)');
  });
});

describe('models', () => {
  test('ls lists the starter model as installed, as text and as JSON', async () => {
    expect((await run('models', 'ls')).stdout).toMatch(/^smollm2-135m-instruct +installed +98 MB +llama +4-bit g32 +8192/m);
    const { models } = JSON.parse((await run('models', 'ls', '--json')).stdout) as { models: { id: string }[] };
    expect(models).toContainEqual(expect.objectContaining({ id: 'smollm2-135m-instruct', state: 'installed', bytes: 98_362_432 }));
  });

  test('pull of an installed model verifies it and fetches nothing', async () => {
    const { exitCode, stdout } = await run('models', 'pull', 'smollm2-135m-instruct', '--json');
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ name: 'smollm2-135m-instruct', fetched: false });
  });
});

describe('doctor', () => {
  test('on a machine with everything it finds everything', async () => {
    const { exitCode, stdout } = await run('doctor', '--json');
    const report = JSON.parse(stdout) as { ok: boolean; checks: { name: string; state: string }[] };
    expect(report.checks.filter(({ state }) => state === 'missing')).toEqual([]);
    expect([exitCode, report.ok]).toEqual([0, true]);
    expect(report.checks.map(({ name }) => name)).toEqual([
      'node',
      'python and pip',
      'cmake',
      'c++20 compiler',
      'mlx',
      'addon',
      'model',
      'disk',
      'daemon',
    ]);
  });

  test('without tools and model it names each with its fix, and exits with 8', async () => {
    const { exitCode, stdout } = await semantic(['doctor', '--json'], {
      home,
      env: { PATH: '/nowhere', CXX: '', SEMANTIC_HOME: join(home, 'empty') },
    });
    const { checks } = JSON.parse(stdout) as { checks: { name: string; state: string; fix: string | null }[] };
    const missing = checks.filter(({ state }) => state === 'missing');
    expect(missing.map(({ name }) => name)).toEqual(['python and pip', 'cmake', 'c++20 compiler', 'model']);
    for (const { fix } of missing) expect(fix).toMatch(/\w/);
    expect(exitCode).toBe(8);
  });
});
