/** What real clients sent (sanitised recordings, fixtures/wire/requests), with the model's name and few tokens in place of theirs. */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const folder = new URL('../../fixtures/wire/requests/', import.meta.url);
interface Recorded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}
const recorded = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Recorded) }))
  .filter(({ path }) => path === '/v1/chat/completions');

/** Those of a full-size coding agent: longer than what the starter model was trained for. */
const TOO_LONG = ['oc-3/002.json', 'oc-3/003.json'];

test('there are recordings of three clients', () => {
  expect(new Set(recorded.map(({ name }) => name.split('/')[0])).size).toBe(3);
});

test.each(recorded.map(({ name, body }) => [name, body] as const))('%s is answered, or told that it is too long', async (name, body) => {
  const response = await daemon.chat({ ...body, model: 'smollm2-135m-instruct', max_tokens: 3, max_completion_tokens: 3 });
  if (TOO_LONG.includes(name)) {
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { code: 'context_length_exceeded', message: expect.stringMatching(/^prompt is too long: \d+ tokens > 8192 maximum$/) },
    });
    return;
  }
  expect(response.status).toBe(200);
  const sse = await response.text();
  expect(sse).toMatch(/"delta":\{"role":"assistant"/);
  expect(sse).toMatch(/"finish_reason":"(stop|length|tool_calls)"/);
  expect(sse.trimEnd()).toMatch(/data: \[DONE\]$/);
});
