/** semantic config: what is in force, who said so, and what may be said. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'toml';
import { afterAll, describe, expect, test } from 'vitest';
import { configDirectory } from '../../src/adapters/paths/paths.js';
import { createHome, type Ended, semantic } from '../support/run-semantic.js';

const home = createHome();
afterAll(() => home.remove());
const config = (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ended> =>
  semantic(['config', ...args], { home: home.path, env });

describe('show', () => {
  test('names every key with its value, and with --origin who said so; the last word counts', async () => {
    writeFileSync(join(home.path, 'config.toml'), '[server]\nport = 9000\nhost = "127.0.0.2"\n');
    writeFileSync(join(home.path, '.env'), 'SEMANTIC_CACHE_BUDGET_MB=7\n');
    const { stdout } = await config(['show', '--origin'], { SEMANTIC_SERVER_PORT: '9001' });
    const keys = Object.entries(parse(readFileSync(join(configDirectory(), 'default.toml'), 'utf8')) as Record<string, object>).flatMap(
      ([section, values]) => Object.keys(values).map((key) => `${section}.${key}`),
    );
    expect(stdout.split('\n').map((line) => line.split(' = ')[0])).toEqual(keys);
    expect(stdout).toContain('server.port = 9001  # environment SEMANTIC_SERVER_PORT\n');
    expect(stdout).toContain(`server.host = "127.0.0.2"  # ${join(home.path, 'config.toml')}\n`);
    expect(stdout).toContain('cache.budget_mb = 7  # .env SEMANTIC_CACHE_BUDGET_MB\n');
    const changed = await config(['show', '--changed', '--json']);
    const { settings } = JSON.parse(changed.stdout) as { settings: { key: string }[] };
    expect(settings.map(({ key }) => key)).toEqual(['server.host', 'server.port', 'cache.budget_mb']);
  });

  test('of one key is its value, of a section its keys, of anything else a ConfigInvalid', async () => {
    expect((await config(['show', 'server.port'])).stdout).toBe('9000');
    expect((await config(['show', 'log'])).stdout.split('\n')[0]).toBe('log.level = "info"');
    const unknown = await config(['show', 'sever']);
    expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('there is no key or section sever')]);
  });

  test('shows no key', async () => {
    const { stdout } = await config(['show', '--origin'], { SEMANTIC_CLIENT_API_KEY: 'sk-secret' });
    expect(stdout).toContain('client.api_key = "(set)"  # environment SEMANTIC_CLIENT_API_KEY');
    expect(stdout).not.toContain('sk-secret');
  });
});

test('path names the files, and which of them are there', async () => {
  const { files } = JSON.parse((await config(['path', '--json'])).stdout) as { files: { path: string; exists: boolean }[] };
  expect(files.map(({ exists }) => exists)).toEqual([true, true, false, true]);
  expect(files[1]!.path).toBe(join(home.path, 'config.toml'));
  expect(files[2]!.path).toMatch(/production\.toml$/); // read where there is one
  const staged = JSON.parse((await config(['path', '--json'], { SEMANTIC_ENV: 'staging' })).stdout) as { files: { path: string }[] };
  expect(staged.files[2]!.path).toMatch(/staging\.toml$/);
});

test('schema accepts what the shipped file says and parts of it, and refuses unknown keys and values out of range', async () => {
  const validate = new Ajv2020({ strict: false, formats: {} }).compile(JSON.parse((await config(['schema'])).stdout) as object);
  const shipped = parse(readFileSync(join(configDirectory(), 'default.toml'), 'utf8')) as object;
  expect([validate(shipped), validate.errors]).toEqual([true, null]);
  expect(validate({ server: { port: 1 } })).toBe(true);
  for (const wrong of [{ server: { prot: 1 } }, { server: { port: 70_000 } }, { sever: {} }, { log: { level: 'loud' } }])
    expect(validate(wrong)).toBe(false);
});
