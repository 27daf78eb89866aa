/** Requests as real clients sent them (tests/fixtures/wire/README.md): answered where they fit into the model's context, else refused by the right name. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Response as ResponseObject } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { readEvents } from './read-events.js';

interface Recording {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: { readonly input: string | readonly unknown[]; readonly tools: readonly unknown[]; readonly max_output_tokens?: number };
}

const folder = new URL('../../fixtures/wire/requests/', import.meta.url);
const recordings = ['codex-3', 'pi-resp', 'sdk-o_resp'].flatMap((client) =>
  readdirSync(new URL(client, folder)).map((file): [string, Recording] => [
    `${client}/${file}`,
    JSON.parse(readFileSync(new URL(`${client}/${file}`, folder), 'utf8')) as Recording,
  ]),
);

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const FEW_TOKENS = 6;

function send({ method, path, headers, body }: Recording): Promise<Response> {
  const { 'content-length': _, host: __, connection: ___, 'accept-encoding': ____, ...sent } = headers;
  return fetch(daemon.summary.address + path, {
    method,
    headers: sent,
    body: JSON.stringify({ ...body, model: daemon.summary.model.id, max_output_tokens: FEW_TOKENS }),
  });
}

test.each(recordings.filter(([name]) => name.startsWith('codex')))(
  '%s does not fit into 8192 tokens, and is told so',
  async (_, recording) => {
    const response = await send(recording);
    expect(response.status).toBe(400);
    const { error } = (await response.json()) as { error: { code: string; type: string; message: string } };
    expect(error).toMatchObject({ code: 'context_length_exceeded', type: 'invalid_request_error' });
    expect(error.message).toMatch(/^prompt is too long: \d+ tokens > 8192 maximum$/);
  },
);

test.each(recordings.filter(([name]) => !name.startsWith('codex')))('%s is answered', async (_, recording) => {
  const response = await send(recording);
  expect(response.status).toBe(200);
  const events = await readEvents(response);
  expect(events[0]!.type).toBe('response.created');
  const end = events.at(-1) as unknown as { type: string; response: ResponseObject };
  expect(end.type).toMatch(/^response\.(completed|incomplete)$/);
  expect(end.response.usage!.output_tokens).toBeLessThanOrEqual(FEW_TOKENS);
});

test.each(recordings.filter(([name]) => name.startsWith('codex')))('%s is answered where its texts are shorter', async (_, recording) => {
  const response = await send({ ...recording, body: shortened(recording.body) as Recording['body'] });
  expect(response.status).toBe(200);
  const events = await readEvents(response);
  expect(events.at(-1)!.type).toMatch(/^response\.(completed|incomplete)$/);
});

/** With no text longer than 100 characters. */
function shortened(body: object): unknown {
  return JSON.parse(JSON.stringify(body, (_, value: unknown) => (typeof value === 'string' ? value.slice(0, 100) : value)));
}
