/** Long texts have the ids that encoding here gives, from a thread that comes and goes, and whatever becomes of it. */
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { EncodeThread } from '../../../src/adapters/tokenizer/encode-thread.js';
import { type OpenedTokenizer, openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { PipelineTokenizer } from '../../../src/adapters/tokenizer/pipeline-tokenizer.js';
import { readSource } from '../../../src/adapters/tokenizer/read-source.js';
import { until } from '../../support/daemon.js';
import { type Expected, ModelFolder, readJsonFixture, unzip } from './fixtures.js';

const folder = new ModelFolder();
let opened: OpenedTokenizer;
beforeAll(async () => {
  folder.write('tokenizer.json', unzip('llama3.tokenizer.json.gz'));
  folder.write('tokenizer_config.json', readJsonFixture<Expected>('llama3.expected.json.gz').settings);
  opened = await openTokenizer(folder.path);
});
afterAll(() => folder.remove());

/** Comparing so many numbers one by one takes seconds. */
const bytesOf = (ids: Int32Array): string => Buffer.from(ids.buffer).toString('base64');
const LONG = `It's 12345 o'clock, \u00E9e\u0301 \u{1F469}\u200D\u{1F680} <|begin_of_text|>\n\n `.repeat(3000);

async function withThread(path: string, hash: string, idleMs?: number): Promise<[PipelineTokenizer, EncodeThread]> {
  const thread = new EncodeThread({ path, hash }, idleMs);
  return [new PipelineTokenizer(await readSource(folder.path), thread), thread];
}

describe('encodeInSlices() of a long text', () => {
  test.each([true, false])('gives the ids that encoding at once gives, from the thread (special tokens: %s)', async (addSpecialTokens) => {
    const [tokenizer, thread] = await withThread(folder.path, opened.hash, 50);
    const [one, other] = [LONG, `${LONG}\uD83D`];
    const options = { addSpecialTokens };
    const ids = await Promise.all([tokenizer.encodeInSlices(one, options), tokenizer.encodeInSlices(other, options)]);
    expect(thread.isRunning).toBe(true);
    expect(ids.map(bytesOf)).toEqual([tokenizer.encode(one, options), tokenizer.encode(other, options)].map(bytesOf));
    await until(
      () => thread.isRunning,
      (running) => !running,
    );
    expect(bytesOf(await tokenizer.encodeInSlices(one, options))).toBe(bytesOf(ids[0])); // from another one
  });

  test('needs no thread where the text is short', async () => {
    const [tokenizer, thread] = await withThread(folder.path, opened.hash);
    await tokenizer.encodeInSlices('short', { addSpecialTokens: false });
    expect(thread.isRunning).toBe(false);
  });

  test('goes on here where the files went away, or are no longer those of the model', async () => {
    const options = { addSpecialTokens: true };
    const ids = bytesOf(opened.tokenizer.encode(LONG, options));
    for (const [path, hash] of [
      ['/nowhere', opened.hash],
      [folder.path, 'of another tokenizer'],
    ] as const) {
      const [tokenizer, thread] = await withThread(path, hash);
      expect(await thread.encode(LONG, true)).toBeNull();
      expect(bytesOf(await tokenizer.encodeInSlices(LONG, options))).toBe(ids);
    }
  });
});

test('an idle thread keeps no process alive', async () => {
  const module = new URL('../../../dist/adapters/tokenizer/open-tokenizer.js', import.meta.url);
  const script = `
    const { openTokenizer } = await import(${JSON.stringify(module.href)});
    const { tokenizer } = await openTokenizer(${JSON.stringify(folder.path)});
    const ids = await tokenizer.encodeInSlices('word '.repeat(50_000), { addSpecialTokens: false });
    console.log(ids.length);`;
  const { stdout } = await execa(process.execPath, ['--input-type=module', '--eval', script], { timeout: 50_000 });
  expect(Number(stdout)).toBeGreaterThan(50_000 - 1);
});
