import { homedir } from 'node:os';
import { expect, test } from 'vitest';
import { dataDirectory, runtimeDirectory, socketPath, stateDirectory, userConfigFile } from '../../../src/adapters/paths/paths.js';

test('SEMANTIC_HOME puts everything under one folder', () => {
  const environment = { SEMANTIC_HOME: '/h', XDG_RUNTIME_DIR: '/run/user/1', XDG_DATA_HOME: '/data' };
  expect([dataDirectory(environment), userConfigFile(environment), stateDirectory(environment), runtimeDirectory(environment)]).toEqual([
    '/h',
    '/h/config.toml',
    '/h',
    '/h/run',
  ]);
});

test('without it the XDG directories decide', () => {
  const environment = { XDG_RUNTIME_DIR: '/run/user/1', XDG_DATA_HOME: '/data', XDG_CONFIG_HOME: '/cfg', XDG_STATE_HOME: '/state' };
  expect([dataDirectory(environment), userConfigFile(environment), stateDirectory(environment)]).toEqual([
    '/data/semantic',
    '/cfg/semantic/config.toml',
    '/state/semantic',
  ]);
  expect(socketPath('', environment)).toBe('/run/user/1/semantic/semantic.sock');
});

test('without those either, the usual folders of the home directory do', () => {
  expect(dataDirectory({ XDG_DATA_HOME: '' })).toBe(`${homedir()}/.local/share/semantic`);
  expect(runtimeDirectory({})).toBe(`${homedir()}/.local/share/semantic/run`);
});

test('a configured socket path is taken as it is', () => {
  expect(socketPath('/x/y.sock', { SEMANTIC_HOME: '/h' })).toBe('/x/y.sock');
});
