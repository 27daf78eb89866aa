import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Document, documentOf, UNDESCRIBED } from '../../../src/server/openapi/document.js';
import { OPERATIONS } from '../../../src/server/openapi/route.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
let document: Document;
beforeAll(async () => {
  daemon = await startDaemon();
  document = (await (await fetch(`${daemon.summary.address}/openapi.json`)).json()) as Document;
});
afterAll(() => daemon.stop());

const names = (): string[] =>
  Object.entries(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
const operations = () => Object.values(document.paths).flatMap((methods) => Object.values(methods));

describe('GET /openapi.json', () => {
  test('every route there is has a description, and every description a route', () => {
    expect(operations().filter(({ summary }) => summary === UNDESCRIBED)).toEqual([]);
    const described = OPERATIONS.map(({ method, url }) => `${method} ${url.replaceAll(/:(\w+)/g, '{$1}')}`);
    expect(names().toSorted()).toEqual(described.toSorted());
  });

  test('operations have names of their own', () => {
    const ids = operations().map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('its schemas are schemas, and take what the routes take', async () => {
    const ajv = new Ajv2020({ strict: false });
    const schemas = operations().flatMap(({ requestBody }) => Object.values(requestBody?.content ?? {}).map(({ schema }) => schema));
    expect(schemas.length).toBeGreaterThan(10);
    for (const schema of schemas) expect(() => ajv.compile(schema)).not.toThrow();
    const chat = ajv.compile(document.paths['/v1/chat/completions']!['post']!.requestBody!.content['application/json']!.schema);
    const body = { model: 'smollm2-135m-instruct', messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 };
    expect(chat(body)).toBe(true);
    expect((await daemon.chat(body)).status).toBe(200);
    for (const wrong of [{ n: 0 }, { temperature: 3 }, { messages: [] }, { messages: [{ role: 'robot' }] }, { tool_choice: 'any' }]) {
      expect([wrong, chat({ ...body, ...wrong })]).toEqual([wrong, false]);
      expect((await daemon.chat({ ...body, ...wrong })).status).toBe(400);
    }
  });

  test('a route that nobody described is listed by its name', () => {
    const { paths } = documentOf(
      [
        { method: 'GET', url: '/v1/new/:id' },
        { method: 'HEAD', url: '/v1/new/:id' },
      ],
      OPERATIONS,
      '1',
    );
    expect(paths).toMatchObject({ '/v1/new/{id}': { get: { summary: UNDESCRIBED, parameters: [{ name: 'id', in: 'path' }] } } });
    expect(Object.keys(paths['/v1/new/{id}']!)).toEqual(['get']);
  });
});

test('GET /docs shows every operation on a page that loads nothing', async () => {
  const response = await fetch(`${daemon.summary.address}/docs`);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  const html = await response.text();
  for (const path of Object.keys(document.paths)) expect(html).toContain(`<code>${path}</code>`);
  expect(html).toContain('<code>continue_final_message</code>');
  expect(html).not.toMatch(/<script|src=|<link|https?:\/\//);
});
