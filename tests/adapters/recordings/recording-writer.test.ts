import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { EXCHANGES_FILE, MANIFEST_FILE, type Manifest } from '../../../src/adapters/recordings/format.js';
import { readRecording } from '../../../src/adapters/recordings/read-recording.js';
import { type RecordingStatus, RecordingWriter } from '../../../src/adapters/recordings/recording-writer.js';
import { rejection } from '../../rejection.js';
import { exchangeOf, HEAD } from './exchanges.js';

const root = mkdtempSync(join(tmpdir(), 'semantic-recordings-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
const folder = (): string => join(root, String((folders += 1)));
const MANY = { maxBytes: 2 ** 20 };

describe('RecordingWriter', () => {
  test('what is added is read again, in the order in which it arrived, and the manifest counts it', async () => {
    const into = folder();
    const writer = await RecordingWriter.create(into, HEAD, MANY);
    writer.add(exchangeOf({ id: 2, cancelled: { afterEvents: 3, at: 2 } }));
    writer.add(exchangeOf({ id: 1 }));
    const status = await writer.close(4);
    const { manifest, exchanges, tornBytes } = await readRecording(into);
    expect(exchanges).toEqual([exchangeOf({ id: 1 }), exchangeOf({ id: 2, cancelled: { afterEvents: 3, at: 2 } })]);
    expect(manifest).toMatchObject({ state: 'complete', counts: { exchanges: 2, cancelled: 1, dropped: 0, unfinished: 4 } });
    expect([manifest.bytes, tornBytes]).toEqual([statSync(join(into, EXCHANGES_FILE)).size, 0]);
    expect(status).toMatchObject({ state: 'complete', exchanges: 2, bytes: manifest.bytes });
    expect([EXCHANGES_FILE, MANIFEST_FILE].map((name) => statSync(join(into, name)).mode & 0o777)).toEqual([0o600, 0o600]);
  });

  test('a folder that has something in it is refused, and nothing in it is touched', async () => {
    const into = folder();
    await (await RecordingWriter.create(into, HEAD, MANY)).close(0);
    const before = readFileSync(join(into, MANIFEST_FILE), 'utf8');
    expect(await rejection(RecordingWriter.create(into, HEAD, MANY))).toMatchObject({ code: 'RecordingConflict' });
    expect(readFileSync(join(into, MANIFEST_FILE), 'utf8')).toBe(before);
  });

  test('a place that cannot be written is told', async () => {
    writeFileSync(join(root, 'file'), '');
    expect(await rejection(RecordingWriter.create(join(root, 'file', 'below'), HEAD, MANY))).toMatchObject({ code: 'RecordingFailed' });
  });

  test('it ends with the last exchange that fits, says so once, and takes nothing more', async () => {
    const into = folder();
    const line = Buffer.byteLength(`${JSON.stringify(exchangeOf({ id: 1 }))}\n`);
    const told: RecordingStatus[] = [];
    const writer = await RecordingWriter.create(into, HEAD, { maxBytes: 2 * line + 1, onEnd: (status) => told.push(status) });
    for (const id of [1, 2, 3, 4]) writer.add(exchangeOf({ id }));
    await writer.close(0);
    expect(told.map(({ state, exchanges }) => [state, exchanges])).toEqual([['full', 2]]);
    const { manifest, exchanges } = await readRecording(into);
    expect([manifest.state, manifest.bytes, exchanges.map(({ id }) => id)]).toEqual(['full', 2 * line, [1, 2]]);
  });

  test('what comes faster than the disk takes it is dropped and counted', async () => {
    const line = Buffer.byteLength(`${JSON.stringify(exchangeOf({ id: 1 }))}\n`);
    const into = folder();
    const writer = await RecordingWriter.create(into, HEAD, { ...MANY, maxQueuedBytes: line });
    writer.add(exchangeOf({ id: 1 }));
    writer.add(exchangeOf({ id: 2 }));
    await writer.settled();
    writer.add(exchangeOf({ id: 3 }));
    expect(await writer.close(0)).toMatchObject({ exchanges: 2, dropped: 1 });
    expect((await readRecording(into)).exchanges.map(({ id }) => id)).toEqual([1, 3]);
  });

  test('where the file cannot grow it fails once, keeps whole lines, and does not throw', async () => {
    const into = folder();
    const source = pathToFileURL(join(import.meta.dirname, '../../../dist/adapters/recordings/recording-writer.js')).href;
    const program = `
      import { RecordingWriter } from ${JSON.stringify(source)};
      const told = [];
      const writer = await RecordingWriter.create(process.argv[1], ${JSON.stringify(HEAD)}, { maxBytes: 2 ** 30, onEnd: (status) => told.push(status.state) });
      const exchange = ${JSON.stringify(exchangeOf({ id: 1, body: 'x'.repeat(3_000) }))};
      for (let id = 1; id <= 6; id++) { writer.add({ ...exchange, id }); await writer.settled(); }
      console.log(JSON.stringify({ told, ...(await writer.close(0)) }));`;
    // A limit of the system: 8 blocks of 1,024 bytes, which the third line crosses.
    const args = ['-c', 'trap "" XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, program, into];
    const ended = JSON.parse(execFileSync('bash', args, { encoding: 'utf8' })) as RecordingStatus & { readonly told: readonly string[] };
    expect(ended).toMatchObject({ told: ['failed'], state: 'failed', reason: expect.stringContaining('EFBIG'), exchanges: 2 });
    const { manifest, exchanges, tornBytes } = await readRecording(into);
    expect([manifest.state, exchanges.map(({ id }) => id), tornBytes]).toEqual(['failed', [1, 2], 0]);
  });
});

describe('readRecording', () => {
  const recorded = async (): Promise<string> => {
    const into = folder();
    const writer = await RecordingWriter.create(into, HEAD, MANY);
    for (const id of [1, 2]) writer.add(exchangeOf({ id }));
    await writer.close(0);
    return into;
  };

  test('a last line without an end is left out, as its writer was killed in the middle of it', async () => {
    const into = await recorded();
    appendFileSync(join(into, EXCHANGES_FILE), '{"id":3,"met');
    const { exchanges, tornBytes } = await readRecording(into);
    expect([exchanges.map(({ id }) => id), tornBytes]).toEqual([[1, 2], 12]);
  });

  test.each([
    [
      'a line that is no JSON',
      (into: string) => appendFileSync(join(into, EXCHANGES_FILE), 'nonsense\n'),
      /exchanges\.jsonl line 3: it is no JSON/,
    ],
    [
      'a line that lacks a field',
      (into: string) => appendFileSync(join(into, EXCHANGES_FILE), '{"id":3}\n'),
      /exchanges\.jsonl line 3: requestId/,
    ],
    [
      'an id that is there twice',
      (into: string) => appendFileSync(join(into, EXCHANGES_FILE), `${JSON.stringify(exchangeOf({ id: 2 }))}\n`),
      /id 2 is there twice/,
    ],
    [
      'a version of tomorrow',
      (into: string) => {
        const manifest = JSON.parse(readFileSync(join(into, MANIFEST_FILE), 'utf8')) as Manifest;
        writeFileSync(join(into, MANIFEST_FILE), JSON.stringify({ ...manifest, version: 2 }));
      },
      /manifest\.json: version: .* This program reads version 1/,
    ],
  ] as const)('%s is told with its place', async (_name, damage, message) => {
    const into = await recorded();
    damage(into);
    expect(await rejection(readRecording(into))).toMatchObject({ code: 'FileDamaged', message: expect.stringMatching(message) });
  });

  test('a folder without a recording is no recording', async () => {
    expect(await rejection(readRecording(root))).toMatchObject({
      code: 'InvalidRequest',
      message: expect.stringContaining('manifest.json'),
    });
  });
});
