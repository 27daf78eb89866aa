import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import register from '../../src/commands/launch/pi-extension.js';
import { startDaemon, type TestDaemon } from '../support/daemon.js';
import { createHome, RUN, semantic } from '../support/run-semantic.js';
import { runOnTerminal } from '../support/terminal.js';

const NAMES = ['claude', 'codex', 'opencode', 'pi'] as const;
const MODEL = 'smollm2-135m-instruct';

/** Stands in for each client: says how it was started, then ends as PLAY tells it to. */
const CLIENT = `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const { name } = require('node:path').parse(process.argv[1]);
const play = process.env.PLAY ?? 'exit 0';
const tell = (more) => writeFileSync(process.env.REPORT, JSON.stringify({ name, args: process.argv.slice(2), env: process.env, cwd: process.cwd(), ...more }));
if (play.startsWith('exit')) { tell(); process.exit(Number(play.slice(5))); }
if (play.startsWith('die')) { tell(); process.kill(process.pid, play.slice(4)); setInterval(() => {}, 1000); }
if (play === 'echo') process.stdin.pipe(process.stdout);
if (play === 'wait') {
  const signals = [];
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
    process.on(signal, () => { signals.push(signal); tell({ signals }); setTimeout(() => process.exit(40 + signals.length), 200); });
  setInterval(() => {}, 1000);
  tell({ signals });
  console.log('client waits');
}
`;

interface Report {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signals?: readonly string[];
}

const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
const bin = join(folder, 'bin');
const report = join(folder, 'report.json');
const reported = (): Report => JSON.parse(readFileSync(report, 'utf8')) as Report;
const environment = { PATH: `${bin}:${process.env['PATH'] ?? ''}`, REPORT: report };
let daemon: TestDaemon;

beforeAll(async () => {
  mkdirSync(bin);
  for (const name of NAMES) {
    writeFileSync(join(bin, name), CLIENT);
    chmodSync(join(bin, name), 0o755);
  }
  daemon = await startDaemon();
});
afterAll(async () => {
  await daemon.stop();
  rmSync(folder, { recursive: true, force: true });
});

const launch = (args: readonly string[], env: Readonly<Record<string, string>> = {}, home = daemon.home) => {
  rmSync(report, { force: true });
  return semantic(['launch', ...args], { home, cwd: folder, env: { ...environment, ...env } });
};

describe('what a client is given', () => {
  test('Claude Code: address, key and model in variables; nothing that leads elsewhere or belongs to others', async () => {
    const theirs = { ANTHROPIC_API_KEY: 'sk-of-the-vendor', CLAUDE_CODE_USE_BEDROCK: '1', MINE: 'stays' };
    expect((await launch(['claude', '--', '-p', 'Hi', '--json'], theirs)).exitCode).toBe(0);
    const { name, args, env, cwd } = reported();
    expect({ name, args, cwd }).toEqual({ name: 'claude', args: ['-p', 'Hi', '--json'], cwd: folder });
    expect(env).toMatchObject({
      ANTHROPIC_BASE_URL: daemon.summary.address,
      ANTHROPIC_AUTH_TOKEN: 'local',
      ANTHROPIC_MODEL: MODEL,
      ANTHROPIC_DEFAULT_HAIKU_MODEL: MODEL,
      CLAUDE_CODE_MAX_OUTPUT_TOKENS: '2048',
      MINE: 'stays',
    });
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['ANTHROPIC_API_KEY']));
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['CLAUDE_CODE_USE_BEDROCK']));
  });

  test('Codex: a provider by -c, the key by the variable it names', async () => {
    await launch(['codex', '--', 'exec', 'Hi']);
    const { args, env } = reported();
    const base = `${daemon.summary.address}/v1`;
    expect(args).toEqual([
      '-c',
      'model_provider="semantic"',
      '-c',
      `model_providers.semantic={name="semantic",base_url="${base}",env_key="SEMANTIC_CLIENT_API_KEY",wire_api="responses"}`,
      '-c',
      `model="${MODEL}"`,
      '-c',
      'model_context_window=8192',
      'exec',
      'Hi',
    ]);
    expect(env['SEMANTIC_CLIENT_API_KEY']).toBe('local');
  });

  test('OpenCode: a provider over its configuration, with what the user has in the variable already', async () => {
    const theirs = { OPENCODE_CONFIG_CONTENT: '{"theme":"dark","provider":{"other":{}}}' };
    await launch(['opencode'], theirs);
    const config = JSON.parse(reported().env['OPENCODE_CONFIG_CONTENT']!) as object;
    expect(config).toMatchObject({
      theme: 'dark',
      model: `semantic/${MODEL}`,
      small_model: `semantic/${MODEL}`,
      provider: {
        other: {},
        semantic: {
          npm: '@ai-sdk/openai-compatible',
          options: { baseURL: `${daemon.summary.address}/v1`, apiKey: '{env:SEMANTIC_CLIENT_API_KEY}' },
          models: { [MODEL]: { limit: { context: 8192, output: 2048 } } },
        },
      },
    });
    const broken = await launch(['opencode'], { OPENCODE_CONFIG_CONTENT: '{' });
    expect(broken).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('OPENCODE_CONFIG_CONTENT') });
  });

  test('pi: an extension that registers the provider', async () => {
    await launch(['pi', '--', '-p', 'Hi']);
    const { args, env } = reported();
    const [, extension = ''] = args;
    expect(args).toEqual(['--extension', extension, '--provider', 'semantic', '--model', MODEL, '-p', 'Hi']);
    expect(existsSync(extension)).toBe(true);
    const registered: unknown[] = [];
    process.env['PI_SEMANTIC_PROVIDER'] = env['PI_SEMANTIC_PROVIDER']!;
    register({ registerProvider: (...given) => void registered.push(given) });
    delete process.env['PI_SEMANTIC_PROVIDER'];
    register({ registerProvider: (...given) => void registered.push(given) });
    const model = expect.objectContaining({ id: MODEL, contextWindow: 8192, maxTokens: 2048 });
    const provider = {
      baseUrl: `${daemon.summary.address}/v1`,
      apiKey: 'SEMANTIC_CLIENT_API_KEY',
      api: 'openai-completions',
      models: [model],
    };
    expect(registered).toEqual([['semantic', expect.objectContaining(provider)]]);
  });

  test('its input and output are those of the command', async () => {
    const { stdout } = await semantic(['launch', 'pi'], { home: daemon.home, env: { ...environment, PLAY: 'echo' }, input: 'all of this' });
    expect(stdout).toBe('all of this');
  });
});

describe('how it ends', () => {
  test.each([
    ['exit 0', 0],
    ['exit 7', 7],
    ['die SIGTERM', 143],
    ['die SIGKILL', 137],
  ])('a client that does %s makes the exit code %i', async (play, code) => {
    const { exitCode, stdout, stderr } = await launch(['claude'], { PLAY: play });
    expect([exitCode, stdout, stderr]).toEqual([code, '', '']);
  });

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s is passed on once, and the client decides what follows', async (signal) => {
    rmSync(report, { force: true });
    const child = spawn(process.execPath, [RUN, 'launch', 'codex'], {
      env: { ...process.env, ...environment, SEMANTIC_HOME: daemon.home, PLAY: 'wait' },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    const exited = once(child, 'exit');
    await once(child.stdout, 'data');
    child.kill(signal);
    expect(await exited).toEqual([41, null]);
    expect(reported().signals).toEqual([signal]);
  });

  test('Ctrl-C on a terminal reaches the client once', async () => {
    rmSync(report, { force: true });
    const env = { ...environment, SEMANTIC_HOME: daemon.home, PLAY: 'wait' };
    const terminal = runOnTerminal([process.execPath, RUN, 'launch', 'codex'], env, folder);
    await terminal.shows('client waits');
    terminal.type('\u0003');
    expect(await terminal.ended()).toBe(41);
    expect(reported().signals).toEqual(['SIGINT']);
  });
});

describe('what is missing', () => {
  test.each([
    ['claude', '@anthropic-ai/claude-code'],
    ['codex', '@openai/codex'],
    ['opencode', 'opencode-ai'],
    ['pi', '@mariozechner/pi-coding-agent'],
  ])('%s, when it is not installed: exit code 8, and how to install it', async (name, npmPackage) => {
    const { exitCode, stderr } = await launch([name], { PATH: join(folder, 'nowhere') });
    expect(exitCode).toBe(8);
    expect(stderr).toContain(`npm install -g ${npmPackage}`);
  });

  test('a client that cannot be started is said so, and is no crash', async () => {
    const broken = join(folder, 'broken');
    mkdirSync(broken, { recursive: true });
    writeFileSync(join(broken, 'pi'), '#!/nowhere/at-all\n');
    chmodSync(join(broken, 'pi'), 0o755);
    expect(await launch(['pi'], { PATH: broken })).toMatchObject({ exitCode: 8, stderr: expect.stringContaining('cannot start') });
  });

  test('a client of no known name is a usage error', async () => {
    expect(await launch(['cursor'])).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('claude, codex, opencode, pi') });
  });

  test('a daemon: exit code 7, and how to start one', async () => {
    const home = createHome();
    const { exitCode, stderr } = await launch(['claude'], {}, home.path);
    home.remove();
    expect([exitCode, existsSync(report)]).toEqual([7, false]);
    expect(stderr).toContain('semantic serve');
  });
});

describe('--serve', () => {
  test('starts a daemon where there is none, which ends with the client', async () => {
    const home = createHome();
    const { exitCode, stderr } = await launch(['claude', '--serve'], { PLAY: 'exit 5', SEMANTIC_SERVER_PORT: '0' }, home.path);
    expect([exitCode, stderr]).toEqual([5, expect.stringContaining('starting a daemon')]);
    const address = reported().env['ANTHROPIC_BASE_URL']!;
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    await expect(fetch(`${address}/health/live`)).rejects.toThrow('fetch failed');
    expect(existsSync(join(home.path, 'run/semantic.sock'))).toBe(false);
    expect(readFileSync(join(home.path, 'launch-serve.log'), 'utf8')).toContain('SIGTERM');
    home.remove();
  });

  test('uses the daemon that runs, and leaves it running', async () => {
    const { exitCode, stderr } = await launch(['claude', '--serve']);
    expect([exitCode, stderr, reported().env['ANTHROPIC_BASE_URL']]).toEqual([0, '', daemon.summary.address]);
    expect((await daemon.status()).engine.model).toBe(MODEL);
  });

  test('says why its daemon did not start', async () => {
    const home = createHome();
    const ended = await launch(['claude', '--serve'], { SEMANTIC_MODEL_DEFAULT: 'nothing-like-it' }, home.path);
    home.remove();
    expect(ended).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('nothing-like-it') });
    expect(existsSync(report)).toBe(false);
  });

  test('SIGINT while its daemon starts ends both', async () => {
    const home = createHome();
    rmSync(report, { force: true });
    const child = spawn(process.execPath, [RUN, 'launch', 'claude', '--serve'], {
      env: { ...process.env, ...environment, SEMANTIC_HOME: home.path, SEMANTIC_SERVER_PORT: '0' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    const exited = once(child, 'exit');
    await once(child.stderr, 'data'); // that it starts one
    child.kill('SIGINT');
    expect(await exited).toEqual([130, null]);
    expect([existsSync(report), existsSync(join(home.path, 'run/semantic.sock'))]).toEqual([false, false]);
    home.remove();
  });
});

describe('--print', () => {
  test.each(NAMES)('%s: a script that starts it just so, and starts nothing itself', async (name) => {
    const vendor = { ANTHROPIC_API_KEY: 'sk-of-the-vendor' };
    await launch([name, '--', 'with "quotes"', "and 'others' $HOME"], vendor);
    const launched = reported();
    const { stdout, exitCode } = await launch([name, '--print', '--', 'with "quotes"', "and 'others' $HOME"], vendor);
    expect([exitCode, existsSync(report)]).toEqual([0, false]);
    await execa('sh', ['-e'], { input: stdout, env: { ...environment, ...vendor } });
    const scripted = reported();
    expect(scripted.args).toEqual(launched.args);
    const ours = (env: Report['env']) =>
      Object.entries(env).filter(([key]) => /^(ANTHROPIC|CLAUDE|OPENCODE|PI_SEM|SEMANTIC_CLIENT)/.test(key));
    expect(Object.fromEntries(ours(scripted.env))).toEqual(Object.fromEntries(ours(launched.env)));
  });

  test('--json gives the same as an object; without --print it is refused', async () => {
    const { stdout } = await launch(['claude', '--print', '--json', '--', '-p']);
    expect(JSON.parse(stdout)).toMatchObject({
      program: 'claude',
      args: ['-p'],
      set: { ANTHROPIC_BASE_URL: daemon.summary.address },
      unset: expect.arrayContaining(['ANTHROPIC_API_KEY']),
    });
    const refused = await launch(['claude', '--json']);
    expect([refused.exitCode, JSON.parse(refused.stdout)]).toEqual([2, { error: expect.objectContaining({ code: 'InvalidRequest' }) }]);
    expect(existsSync(report)).toBe(false);
  });

  test('a client need not be installed', async () => {
    const { exitCode, stdout } = await launch(['codex', '--print'], { PATH: join(folder, 'nowhere') });
    expect([exitCode, stdout]).toEqual([
      0,
      expect.stringMatching(/^# Codex, for one shell\nexport SEMANTIC_CLIENT_API_KEY=local\ncodex -c /),
    ]);
  });
});

test('a daemon that wants keys: the one that is configured is handed on, and without one it is said before the client starts', async () => {
  const home = createHome();
  const { stdout } = await semantic(['keys', 'add', '--json'], { home: home.path });
  const { key } = JSON.parse(stdout) as { key: string };
  const keyed = await startDaemon(['--host', '0.0.0.0', '--allow-remote'], { SEMANTIC_HOME: home.path });
  try {
    for (const env of [{}, { SEMANTIC_CLIENT_API_KEY: 'sk-semantic-wrong' }]) {
      const refused = await launch(['claude'], env, home.path);
      expect(refused).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('semantic keys add') });
      expect(existsSync(report)).toBe(false);
    }
    expect((await launch(['claude'], { SEMANTIC_CLIENT_API_KEY: key }, home.path)).exitCode).toBe(0);
    const { port } = new URL(keyed.summary.address);
    expect(reported().env).toMatchObject({ ANTHROPIC_BASE_URL: `http://127.0.0.1:${port}`, ANTHROPIC_AUTH_TOKEN: key });
  } finally {
    await keyed.stop();
    home.remove();
  }
});
