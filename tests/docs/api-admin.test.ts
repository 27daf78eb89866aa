import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { limitsChangeSchema } from '../../src/client/scheduler-bodies.js';
import { termFields } from '../../src/server/generation/terms.js';
import { readToml } from '../../src/adapters/config/read-toml.js';
import { configDirectory } from '../../src/adapters/paths/paths.js';

const page = readFileSync(new URL('../../docs/api-admin.md', import.meta.url), 'utf8');
const [terms, routes] = page.split('## Routes') as [string, string];
const rowsOf = (text: string) => [...text.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);

test('docs/api-admin.md lists exactly the limits that can be changed, and the settings they begin with', () => {
  expect(rowsOf(routes)).toEqual(Object.keys(limitsChangeSchema.shape));
  const settings = [...routes.matchAll(/`((?:engine|scheduler)\.\w+)`/g)].map(([, key]) => key);
  const shipped = readToml(`${configDirectory()}/default.toml`, { required: true }).map(({ key }) => key);
  expect(shipped).toEqual(expect.arrayContaining(settings));
});

test('docs/api-admin.md lists exactly the fields that say on what terms a request is served', () => {
  expect(rowsOf(terms)).toEqual(Object.keys(termFields));
});
