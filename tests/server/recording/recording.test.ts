/** Requests and answers of a daemon, recorded as they go by. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { EXCHANGES_FILE, MANIFEST_FILE } from '../../../src/adapters/recordings/format.js';
import { readRecording } from '../../../src/adapters/recordings/read-recording.js';
import { AdminClient } from '../../../src/client/admin-client.js';
import { rejection } from '../../rejection.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

const root = mkdtempSync(join(tmpdir(), 'semantic-recorded-'));
let daemon: TestDaemon;
let admin: AdminClient;
beforeAll(async () => {
  daemon = await startDaemon();
  admin = new AdminClient(daemon.summary.socket, 2_000);
});
afterAll(async () => {
  await admin.close();
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

const HI = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 4, ignore_eos: true };

test('a recording has requests of every kind with their answers, ids and seeds, and neither keys nor what the daemon is asked of itself', async () => {
  const directory = join(root, 'kinds');
  await admin.record({ directory });
  const headers = { 'x-api-key': 'sk-first', 'session-id': 'one', 'x-unlisted': 'sk-other' };
  const whole = await daemon.chat(HI, { headers });
  const { choices } = (await whole.json()) as { choices: [{ message: { content: string } }] };
  const next = [...HI.messages, choices[0].message, { role: 'user', content: 'And?' }];
  await (await daemon.chat({ ...HI, messages: next, stream: true }, { headers })).text();
  await (await daemon.chat({ ...HI, n: 2, seed: 5 })).text();
  await (await daemon.chat({ messages: 'no list' })).text();
  await fetch(`${daemon.summary.address}/v1/admin/status`);
  await fetch(`${daemon.summary.address}/v1/cache`);
  await until(
    () => admin.recording(),
    ({ exchanges }) => exchanges === 4,
  );
  expect(await admin.stopRecording()).toMatchObject({ state: 'complete', exchanges: 4, dropped: 0, directory });

  const { manifest, exchanges } = await readRecording(directory);
  expect(manifest).toMatchObject({ source: 'daemon', state: 'complete', model: { name: daemon.summary.model.id, contextLength: 8192 } });
  const [first, second, several, wrong] = exchanges;
  expect(first).toMatchObject({
    caller: 1,
    predecessor: null,
    method: 'POST',
    path: '/v1/chat/completions',
    headers: { 'session-id': 'one' },
    body: HI,
    status: 200,
    answer: { object: 'chat.completion' },
    events: null,
    cancelled: null,
    usage: { outputTokens: 4 },
  });
  expect(first?.generations).toMatchObject([{ tokens: expect.any(Array), seed: expect.stringMatching(/^\d+$/), reason: 'length' }]);
  expect(first?.requestId).toBe(whole.headers.get('x-request-id'));
  expect(second).toMatchObject({
    caller: 1,
    predecessor: 1,
    answer: null,
    answerHeaders: { 'content-type': expect.stringContaining('event-stream') },
  });
  expect(second!.usage!.cachedTokens).toBeGreaterThan(0);
  expect(second?.events?.at(-1)?.data).toBe('[DONE]');
  expect(several).toMatchObject({ caller: 0, generations: [{ seed: '5' }, { seed: '6' }] });
  expect(wrong).toMatchObject({ status: 400, generations: [], usage: null });
  const text = readFileSync(join(directory, EXCHANGES_FILE), 'utf8') + readFileSync(join(directory, MANIFEST_FILE), 'utf8');
  expect(text).not.toMatch(/sk-first|sk-other/);
});

test('a client that goes away is recorded with what had been written to it, and rules take out of bodies what they match', async () => {
  const directory = join(root, 'left');
  await admin.record({ directory, redact: ['Geneva'] });
  const left = new AbortController();
  const story = { messages: [{ role: 'user', content: 'A story of Geneva.' }], max_tokens: 2_000, ignore_eos: true, stream: true };
  const response = await daemon.chat(story, { signal: left.signal });
  const reader = response.body!.getReader();
  await reader.read();
  left.abort();
  await reader.closed.catch(() => undefined);
  await until(
    () => admin.recording(),
    ({ exchanges }) => exchanges === 1,
  );
  await admin.stopRecording();
  const [exchange] = (await readRecording(directory)).exchanges;
  expect(exchange!.cancelled!.afterEvents).toBeGreaterThan(0);
  expect(exchange!.events).toHaveLength(exchange!.cancelled!.afterEvents);
  expect(exchange!.generations).toMatchObject([{ tokens: null, reason: null }]);
  expect(exchange!.body).toMatchObject({ messages: [{ content: 'A story of [redacted].' }] });
});

test('a recording that is full ends with a line in the log, and requests go on', async () => {
  const directory = join(root, 'full');
  await admin.record({ directory, max_bytes: 10 });
  expect((await daemon.chat(HI)).status).toBe(200);
  const ended = await until(
    () => admin.recording(),
    ({ state }) => state !== 'recording',
  );
  expect(ended).toMatchObject({ state: 'full', exchanges: 0, maxBytes: 10 });
  await until(
    () => daemon.stderr(),
    (text) => text.includes('the recording has ended: it is as large as it may be'),
  );
  expect((await daemon.chat(HI)).status).toBe(200);
  expect(await rejection(admin.stopRecording())).toMatchObject({ code: 'RecordingNotFound' });
  const { manifest } = await readRecording(directory);
  expect(manifest).toMatchObject({ state: 'full', counts: { exchanges: 0 } });
});

test('there is one recording at a time, in a folder that was empty, and what is wrong with one is said', async () => {
  const directory = join(root, 'one');
  await admin.record({ directory });
  expect(await rejection(admin.record({ directory: join(root, 'two') }))).toMatchObject({ code: 'RecordingConflict' });
  await admin.stopRecording();
  expect(await rejection(admin.record({ directory }))).toMatchObject({ code: 'RecordingConflict' });
  writeFileSync(join(root, 'file'), '');
  expect(await rejection(admin.record({ directory: join(root, 'file', 'x') }))).toMatchObject({ code: 'RecordingFailed' });
  expect(await rejection(admin.record({ directory: 'relative' }))).toMatchObject({ code: 'InvalidRequest' });
  expect(await rejection(admin.record({ directory: join(root, 'two'), redact: ['('] }))).toMatchObject({ code: 'ConfigInvalid' });
  expect(existsSync(join(root, 'two'))).toBe(false);
});

test('over TCP nobody begins a recording, and nobody is told where one lies', async () => {
  const directory = join(root, 'tcp');
  const url = `${daemon.summary.address}/v1/admin/recording`;
  const refused = await fetch(url, { method: 'POST', body: JSON.stringify({ directory }) });
  expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: 'directory' } }]);
  expect(existsSync(directory)).toBe(false);
  mkdirSync(directory);
  await admin.record({ directory });
  expect(await (await fetch(url)).json()).toMatchObject({ state: 'recording', directory: null });
  await admin.stopRecording();
});

test('a daemon that is killed leaves every exchange that was over, and the next one records in a folder beside', async () => {
  const directory = join(root, 'killed');
  const other = await startDaemon(['--record', directory]);
  await (await other.chat(HI)).text();
  await (await other.chat(HI)).text();
  await until(
    () => readFileSync(join(directory, EXCHANGES_FILE), 'utf8'),
    (text) => text.split('\n').length === 3,
  );
  other.signal('SIGKILL');
  await other.ended();
  const { manifest, exchanges, tornBytes } = await readRecording(directory);
  expect([manifest.state, exchanges.map(({ status }) => status), tornBytes]).toEqual(['recording', [200, 200], 0]);
  await other.stop();
  const next = await startDaemon(['--record', directory]);
  await next.stop();
  expect((await readRecording(`${directory}-2`)).manifest).toMatchObject({ state: 'complete', counts: { exchanges: 0 } });
});

test('an answer says how it was made where it is asked, in a body and behind a stream, and a seed of a header makes it again', async () => {
  const ask = async (body: object, headers: Record<string, string>): Promise<string> =>
    (await daemon.chat({ ...HI, ...body }, { headers })).text();
  const detail = { 'x-semantic-detail': 'generation', 'x-semantic-seed': '18446744073709551615' };
  const whole = JSON.parse(await ask({}, detail)) as { semantic: { generations: [{ seed: string; tokens: number[] }] } };
  const [{ seed, tokens }] = whole.semantic.generations;
  expect([seed, tokens.length]).toEqual(['18446744073709551615', 4]);
  const stream = await ask({ stream: true }, detail);
  const comment = /^: semantic (.*)$/m.exec(stream)?.[1] ?? '{}';
  expect(JSON.parse(comment)).toMatchObject({ generations: [{ seed, tokens }] });
  expect(await ask({}, {})).not.toContain('"semantic"');
  for (const [name, value] of [
    ['x-semantic-seed', '18446744073709551616'],
    ['x-semantic-seed', '-1'],
    ['x-semantic-detail', 'everything'],
  ] as const) {
    const refused = await daemon.chat(HI, { headers: { [name]: value } });
    expect([refused.status, await refused.json()]).toMatchObject([400, { error: { param: name } }]);
  }
});
