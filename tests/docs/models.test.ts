import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');

test('docs/models.md has a section for every route of the library, with an example, and no other', () => {
  const text = read('src/server/library/routes.ts');
  const routes = [...text.matchAll(/app\.(get|post|delete)(?:<[^(]+>)?\(\s*'([^']+)'/g)].map(
    ([, method, path]) => `${method!.toUpperCase()} ${path!}`,
  );
  expect(routes.length).toBeGreaterThan(6);
  const sections = read('docs/models.md').split(/^### /m).slice(1);
  expect(new Set(sections.map((section) => /^`([^`]+)`/.exec(section)?.[1]))).toEqual(new Set(routes));
  for (const section of sections) expect(section).toContain('```sh\ncurl ');
});
