import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { importRecording } from '../../../src/adapters/recordings/import/import-recording.js';
import { readRecording } from '../../../src/adapters/recordings/read-recording.js';
import { rejection } from '../../rejection.js';

const REQUESTS = fileURLToPath(new URL('../../fixtures/wire/requests', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'semantic-import-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, `to-${(folders += 1)}`);
const into = async (from: string, redact: readonly string[] = []) => {
  const to = folder();
  const imported = await importRecording({ from, to, version: '0.0.0', redact });
  return { imported, ...(await readRecording(to)) };
};

describe('requests of real clients', () => {
  test('every folder is a session: turns go on from one another, sessions lie one behind another, and no key is kept', async () => {
    const { imported, manifest, exchanges } = await into(REQUESTS);
    expect([manifest.source, manifest.model, imported.exchanges]).toEqual(['requests', null, exchanges.length]);
    expect(exchanges.length).toBeGreaterThan(20);
    expect(exchanges.map(({ at }) => at)).toEqual(exchanges.map(({ at }) => at).toSorted((a, b) => a - b));
    expect(exchanges.filter(({ predecessor }) => predecessor !== null).length).toBeGreaterThan(8);
    for (const { headers } of exchanges) expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['authorization']));
    expect(JSON.stringify(exchanges.map(({ headers }) => headers))).not.toMatch(/api-key|\*\*\*/);
  });

  test('the second request of a conversation goes on from the first', async () => {
    for (const session of ['cc-bare-read', 'cc-tool', 'sdk-o_tools', 'pi-tool', 'codex-3']) {
      const { exchanges } = await into(join(REQUESTS, session));
      expect([session, exchanges[1]?.predecessor]).toEqual([session, 1]);
    }
  });

  test('what others have in them is told with file and field', async () => {
    const from = join(root, 'wrong');
    mkdirSync(from);
    writeFileSync(join(from, 'a.json'), '{"seq": 1}');
    expect(await rejection(importRecording({ from, to: folder(), version: '0', redact: [] }))).toMatchObject({
      code: 'FileDamaged',
      message: expect.stringMatching(/a\.json: t_ms: /),
    });
    writeFileSync(join(from, 'a.json'), '{');
    expect(await rejection(importRecording({ from, to: folder(), version: '0', redact: [] }))).toMatchObject({ code: 'FileDamaged' });
  });

  test.each([
    ['nothing', 'gone'],
    ['an empty folder', 'empty'],
  ])('%s is told', async (_name, name) => {
    if (name === 'empty') mkdirSync(join(root, name));
    expect(await rejection(importRecording({ from: join(root, name), to: folder(), version: '0', redact: [] }))).toMatchObject({
      code: 'InvalidRequest',
    });
  });

  test('a folder that has something in it is not written to', async () => {
    const to = join(root, 'taken');
    cpSync(join(REQUESTS, 'sdk-o_resp'), to, { recursive: true });
    expect(await rejection(importRecording({ from: REQUESTS, to, version: '0', redact: [] }))).toMatchObject({ code: 'RecordingConflict' });
  });
});

describe('HAR', () => {
  const entry = (url: string, second: number, request: object, content: object, type: string): object => ({
    startedDateTime: `2026-01-01T00:00:0${second}.000Z`,
    time: 300,
    timings: { wait: 100, receive: 200 },
    request: {
      method: 'POST',
      url,
      headers: [
        { name: 'Authorization', value: 'Bearer sk-secret' },
        { name: 'session_id', value: 's' },
      ],
      postData: { mimeType: 'application/json', text: JSON.stringify(request) },
    },
    response: { status: 200, headers: [{ name: 'Content-Type', value: type }], content },
  });
  const body = { id: 'chatcmpl-1', choices: [{ index: 0, message: { content: 'Blue' }, finish_reason: 'stop' }] };
  const second = {
    messages: [
      { role: 'user', content: 'Colour?' },
      { role: 'assistant', content: 'Blue' },
      { role: 'user', content: 'sk-more' },
    ],
  };
  const har = {
    log: {
      version: '1.2',
      entries: [
        entry('https://host/v1/chat/completions?x=1', 3, second, { text: 'data: {"choices":[]}\n\ndata: [DONE]\n\n' }, 'text/event-stream'),
        entry('https://host/style.css', 2, {}, { text: 'body {}' }, 'text/css'),
        entry(
          'https://host/v1/chat/completions',
          1,
          { messages: [] },
          { text: Buffer.from(JSON.stringify(body)).toString('base64'), encoding: 'base64' },
          'application/json',
        ),
      ],
    },
  };

  test('bodies, streams and times are taken over, what no dialect knows is passed over, and keys and rules are kept out', async () => {
    const file = join(root, 'traffic.har');
    writeFileSync(file, JSON.stringify(har));
    const { imported, manifest, exchanges } = await into(file, ['sk-[a-z]+']);
    expect([manifest.source, imported.exchanges, imported.skipped]).toEqual(['har', 2, 1]);
    expect(exchanges[0]).toMatchObject({
      at: 0,
      path: '/v1/chat/completions',
      answer: body,
      events: null,
      firstMs: 100,
      totalMs: 300,
      caller: 1,
    });
    expect(exchanges[1]).toMatchObject({
      at: 2_000,
      path: '/v1/chat/completions?x=1',
      predecessor: 1,
      headers: { session_id: 's' },
      events: [
        { at: 100, event: null, data: '{"choices":[]}' },
        { at: 100, event: null, data: '[DONE]' },
      ],
    });
    expect(JSON.stringify(exchanges)).not.toContain('sk-');
  });

  test('a field that is not as the format has it is told', async () => {
    const file = join(root, 'wrong.har');
    writeFileSync(file, JSON.stringify({ log: { entries: [{ time: 1 }] } }));
    expect(await rejection(importRecording({ from: file, to: folder(), version: '0', redact: [] }))).toMatchObject({
      code: 'FileDamaged',
      message: expect.stringContaining('log.entries.0.startedDateTime'),
    });
  });
});
