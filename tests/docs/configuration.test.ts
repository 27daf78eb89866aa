import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readToml } from '../../src/adapters/config/read-toml.js';
import { configDirectory } from '../../src/adapters/paths/paths.js';

const shipped = readToml(join(configDirectory(), 'default.toml'), { required: true });

test('docs/configuration.md lists exactly the keys and defaults of config/default.toml', () => {
  const page = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+\.\w+)` \| `([^`]+)` \|/gm)].map(([, key, value]) => [key, JSON.parse(value ?? '') as unknown]);
  expect(Object.fromEntries(rows)).toEqual(Object.fromEntries(shipped.map(({ key, value }) => [key, value])));
});

test('every key of config/default.toml has a comment beside it', () => {
  const lines = readFileSync(join(configDirectory(), 'default.toml'), 'utf8').split('\n');
  const bare = lines.filter((line) => /^\w+ = /.test(line) && !line.includes('#'));
  expect(bare).toEqual([]);
});
