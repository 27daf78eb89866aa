import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { ERROR_TABLE, type ErrorCode, SemanticError } from '../../src/core/domain/errors.js';
import { messagesErrorBody, statusOf } from '../../src/server/messages/errors.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/api-messages.md'), 'utf8');

test('docs/api-messages.md has every route of the dialect', () => {
  const folder = join(root, 'src/server/messages');
  const routes = readdirSync(folder)
    .map((file) => readFileSync(join(folder, file), 'utf8'))
    .flatMap((text) => [...text.matchAll(/app\.(get|post)\(\s*'([^']+)'/g)].map(([, method, path]) => `${method!.toUpperCase()} ${path!}`));
  expect(routes.length).toBeGreaterThan(3);
  for (const route of routes) expect(page).toContain(`\`${route}\``);
});

test('docs/api-messages.md has every status and type that an error of a request can have', () => {
  const codes = (Object.keys(ERROR_TABLE) as ErrorCode[]).filter((code) =>
    [400, 401, 403, 404, 413, 429, 500, 503].includes(ERROR_TABLE[code].status),
  );
  for (const code of codes) {
    const error = new SemanticError(code, 'what');
    const { type } = (messagesErrorBody(error, 'r') as { error: { type: string } }).error;
    const row = page
      .split('\n')
      .find((line) => line.startsWith('|') && line.includes(`\`${type}\``) && line.includes(`${statusOf(error)}`));
    expect([code, row === undefined]).toEqual([code, false]);
  }
});
