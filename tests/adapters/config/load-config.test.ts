import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/adapters/config/load-config.js';
import { configDirectory } from '../../../src/adapters/paths/paths.js';

let folder: string;
const shipped = configDirectory();
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'semantic-config-'))));
afterEach(() => rmSync(folder, { recursive: true }));

const load = (sources: { environment?: Record<string, string>; flags?: Record<string, unknown>; directory?: string } = {}) =>
  loadConfig({
    environment: { SEMANTIC_HOME: folder, ...sources.environment },
    workingDirectory: folder,
    flags: sources.flags ?? {},
    ...(sources.directory === undefined ? {} : { directory: sources.directory }),
  });

describe('precedence', () => {
  test('the shipped defaults alone are a valid configuration, frozen through and through', () => {
    const config = load();
    expect(config.server.port).toBe(8000);
    expect(Object.isFrozen(config) && Object.isFrozen(config.server)).toBe(true);
  });

  test('each source overrides the ones below it: default < environment file < user file < .env < environment < flag', () => {
    const write = (name: string, port: number) => writeFileSync(join(folder, name), `[server]\nport = ${port}\n`);
    const files = mkdtempSync(join(folder, 'c-'));
    writeFileSync(join(files, 'default.toml'), readFileSync(join(shipped, 'default.toml')));
    expect(load({ directory: files }).server.port).toBe(8000);
    writeFileSync(join(files, 'lab.toml'), '[server]\nport = 1\n');
    const environment = { SEMANTIC_ENV: 'lab' };
    expect(load({ directory: files, environment }).server.port).toBe(1);
    write('config.toml', 2);
    expect(load({ directory: files, environment }).server.port).toBe(2);
    writeFileSync(join(folder, '.env'), 'SEMANTIC_SERVER_PORT=3\n');
    expect(load({ directory: files, environment }).server.port).toBe(3);
    expect(load({ directory: files, environment: { ...environment, SEMANTIC_SERVER_PORT: '4' } }).server.port).toBe(4);
    expect(
      load({ directory: files, environment: { ...environment, SEMANTIC_SERVER_PORT: '4' }, flags: { 'server.port': 5 } }).server.port,
    ).toBe(5);
  });

  test('a flag that was not given overrides nothing', () => {
    expect(load({ environment: { SEMANTIC_SERVER_HOST: '0.0.0.0' }, flags: { 'server.host': undefined } }).server.host).toBe('0.0.0.0');
  });

  test('text in the environment is a list of what is between commas where the key is a list', () => {
    const hosts = (text: string) => load({ environment: { SEMANTIC_SERVER_ALLOWED_HOSTS: text } }).server.allowed_hosts;
    expect([hosts('a.example, b.example,'), hosts('a.example'), hosts('')]).toEqual([['a.example', 'b.example'], ['a.example'], []]);
    writeFileSync(join(folder, 'config.toml'), '[server]\ncors_origins = ["http://a.example"]\n');
    expect(load().server.cors_origins).toEqual(['http://a.example']);
  });

  test('text in the environment stays text where the key is text', () => {
    expect(load({ environment: { SEMANTIC_SERVER_HOST: '12' } }).server.host).toBe('12');
  });
});

describe('mistakes', () => {
  test.each([
    [
      'an entry of a list',
      { environment: { SEMANTIC_SERVER_CORS_ORIGINS: 'http://a.example,*' } },
      /server\.cors_origins = \["http:\/\/a\.example","\*"\] \(environment SEMANTIC_SERVER_CORS_ORIGINS\)/,
      /configuration\.md/,
    ],
    [
      'a flag of two words',
      { flags: { 'server.allow_remote': 1 } },
      /server\.allow_remote = 1 \(flag --allow-remote\)/,
      /configuration\.md/,
    ],
    [
      'an unknown variable',
      { environment: { SEMANTIC_SERVER_PROT: '1' } },
      /unknown key SEMANTIC_SERVER_PROT \(environment SEMANTIC_SERVER_PROT\)/,
      /SEMANTIC_SERVER_PORT/,
    ],
    [
      'a port that is no number',
      { environment: { SEMANTIC_SERVER_PORT: 'http' } },
      /server\.port = "http" \(environment SEMANTIC_SERVER_PORT\)/,
      /docs/,
    ],
    ['a port out of range', { flags: { 'server.port': 70_000 } }, /server\.port = 70000 \(flag --port\)/, /docs/],
    [
      'a value that is not one of the choices',
      { flags: { 'model.executor': 'gpu' } },
      /model\.executor = "gpu" \(flag --executor\)/,
      /docs/,
    ],
    ['NaN', { flags: { 'sampling.temperature': Number.NaN } }, /sampling\.temperature/, /docs/],
    ['an environment without a file', { environment: { SEMANTIC_ENV: 'nowhere' } }, /cannot read .*nowhere\.toml/, /.*/],
  ])('%s is ConfigInvalid and says where it came from', (_name, sources, message, hint) => {
    expect(() => load(sources)).toThrow(
      expect.objectContaining({ code: 'ConfigInvalid', exitCode: 2, message: expect.stringMatching(message) }),
    );
    try {
      load(sources);
    } catch (error) {
      expect((error as { hint?: string }).hint ?? '').toMatch(hint);
    }
  });

  test('an unknown key in a file is named with file and suggestion', () => {
    writeFileSync(join(folder, 'config.toml'), '[engine]\nmax_que = 3\n');
    expect(() => load()).toThrow(
      expect.objectContaining({
        message: `[config] unknown key engine.max_que (${join(folder, 'config.toml')})`,
        hint: 'Did you mean engine.max_queue?',
      }),
    );
  });

  test('a file that is not TOML is named with line and column', () => {
    writeFileSync(join(folder, 'config.toml'), '[engine]\nmax_queue = \n');
    expect(() => load()).toThrow(/config\.toml:2:\d+ is not TOML/);
  });
});
