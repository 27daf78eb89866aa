import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { MISS_CAUSES } from '../../src/core/domain/cache-report.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/api-agents.md'), 'utf8');

test('docs/api-agents.md has a section for every route of agents and cache, with an example, and no other', () => {
  const sources = ['agents', 'cache'].flatMap((room) =>
    readdirSync(join(root, 'src/server', room)).map((file) => readFileSync(join(root, 'src/server', room, file), 'utf8')),
  );
  const routes = sources.flatMap((text) =>
    [...text.matchAll(/app\.(get|post|patch|delete)(?:<[^(]+>)?\(\s*'([^']+)'/g)].map(
      ([, method, path]) => `${method?.toUpperCase()} ${path}`,
    ),
  );
  const sections = page.split(/^### /m).slice(1);
  expect(new Set(sections.map((section) => /^`([^`]+)`/.exec(section)?.[1]))).toEqual(new Set(routes));
  for (const section of sections) expect(section).toContain('```sh\ncurl ');
});

test('docs/api-agents.md explains every cause of a miss', () => {
  for (const cause of MISS_CAUSES) expect(page).toContain(`\`${cause}\``);
});
