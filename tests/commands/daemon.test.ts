/** serve --detach, status, logs, restart, stop: a daemon in the background, from its start to its end. */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { until } from '../support/daemon.js';
import { createHome, type Ended, RUN, semantic } from '../support/run-semantic.js';

const home = createHome();
const run = (...args: string[]): Promise<Ended> => semantic(args, { home: home.path });
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await run(...args, '--json')).stdout) as Record<string, unknown>;
const log = join(home.path, 'serve.log');

afterAll(async () => {
  await run('stop', '--now');
  home.remove();
});

describe('a daemon in the background', () => {
  test('without one status, stop and restart say so: 7, 7 and 2', async () => {
    const ended = await Promise.all([run('status'), run('stop'), run('restart')]);
    expect(ended.map(({ exitCode }) => exitCode)).toEqual([7, 7, 2]);
    expect(ended[2].stderr).toContain('semantic serve --detach');
  });

  test('one that cannot start says why, with its exit code, and nothing is left', async () => {
    const ended = await run('serve', '--detach', '--port', '0', '--model', 'smolm2');
    expect([ended.exitCode, ended.stdout]).toEqual([4, '']);
    expect(ended.stderr).toMatch(/no model "smolm2"/);
    expect((await run('status')).exitCode).toBe(7);
  });

  test('starts, is told of, starts again as it was, and stops', async () => {
    const started = await json('serve', '--detach', '--port', '0', '--context', '1024');
    expect(started).toMatchObject({ model: { contextLength: 1024 }, log });
    expect(statSync(log).mode & 0o777).toBe(0o600);

    const status = await run('status');
    expect(status.exitCode).toBe(0);
    expect(status.stdout).toMatch(
      new RegExp(`process ${String(started['pid'])}, for .*\nstate +ready\naddress +${String(started['address'])}`),
    );
    expect(status.stdout).toMatch(/requests +0 running, 0 waiting/);

    const again = await json('restart');
    expect(again).toMatchObject({ model: { contextLength: 1024 }, log });
    expect(again['pid']).not.toBe(started['pid']);
    expect(await json('status')).toMatchObject({ pid: again['pid'], state: 'ready', status: { engine: { contextLength: 1024 } } });

    const stopped = await run('stop');
    expect([stopped.exitCode, stopped.stdout]).toEqual([0, expect.stringContaining(`process ${String(again['pid'])}`)]);
    expect(existsSync(again['socket'] as string)).toBe(false);
  });
});

describe('logs', () => {
  const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ level: 30, time: i, msg: `line ${i} ${'é'.repeat(i % 40)}` }));

  test('has the last lines, whole, as they were written', async () => {
    writeFileSync(log, `${lines.join('\n')}\n`);
    expect((await run('logs', '-n', '2')).stdout.split('\n')).toEqual(lines.slice(-2));
    expect((await run('logs', '-n', '2999')).stdout.split('\n')).toEqual(lines.slice(-2999));
    expect((await run('logs', '-n', '9999')).stdout.split('\n')).toEqual(lines);
    expect((await run('logs', '-n', '0')).stdout).toBe('');
  });

  test('follows what is written, through the file being exchanged', async () => {
    const child = spawn(process.execPath, [RUN, 'logs', '-f', '-n', '1'], { env: { ...process.env, SEMANTIC_HOME: home.path } });
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    const seen = (text: string): Promise<string> =>
      until(
        () => out,
        (all) => all.includes(text),
      );
    await seen(lines.at(-1)!);
    appendFileSync(log, 'half a ');
    appendFileSync(log, 'line\n');
    await seen('half a line\n');
    renameSync(log, `${log}.1`);
    writeFileSync(log, 'of the new one\n');
    expect(await seen('of the new one\n')).toBe(`${lines.at(-1)!}\nhalf a line\nof the new one\n`);
    child.kill('SIGINT');
  });

  test('without a log says where one comes from', async () => {
    const bare = createHome();
    const ended = await semantic(['logs'], { home: bare.path });
    bare.remove();
    expect([ended.exitCode, ended.stderr]).toEqual([2, expect.stringContaining('--detach')]);
  });

  test('a file that has grown too large when a daemon starts is put aside, and a new one begun', async () => {
    writeFileSync(log, 'x'.repeat(2 ** 20 + 1));
    const ended = await semantic(['serve', '--detach', '--port', '0'], { home: home.path, env: { SEMANTIC_LOG_MAX_MB: '1' } });
    expect(ended.exitCode).toBe(0);
    expect(statSync(`${log}.1`).size).toBe(2 ** 20 + 1);
    expect(readFileSync(log, 'utf8')).not.toContain('x'.repeat(100));
    expect(statSync(log).mode & 0o777).toBe(0o600);
    await run('stop', '--now');
  });

  test('a log that cannot be written is a ConfigInvalid that names it', async () => {
    const ended = await semantic(['serve', '--port', '0'], { home: home.path, env: { SEMANTIC_LOG_FILE: '/dev/null/serve.log' } });
    expect([ended.exitCode, ended.stderr]).toEqual([2, expect.stringContaining('/dev/null/serve.log')]);
  });
});
