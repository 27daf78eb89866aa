/** Encoding a few milliseconds at a time: the same ids, whoever else encodes meanwhile, and the event loop goes on. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import type { Tokenizer } from '../../../src/core/ports.js';
import { type Expected, ModelFolder, readJsonFixture, unzip } from './fixtures.js';

const STYLES = ['llama3', 'qwen2', 'o200k', 'tekken', 'llama2', 'mistral', 'gemma', 'odd'] as const;
const PLAIN = { addSpecialTokens: false };

const piece = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    'The quick brown fox ',
    "it's 12345 ",
    '\n\n    ',
    '<|im_start|>user\n',
    '</s>',
    '<start_of_turn>',
    '\u00E9e\u0301',
    '\u{1F469}\u200D\u{1F680}',
    '\uD83D',
  ),
  fc
    .tuple(fc.constantFrom('a', ' ', '\u2581', '<', '9', '\u4E2D', 'ab', '\n', '-'), fc.integer({ min: 1, max: 6000 }))
    .map(([unit, times]) => unit.repeat(times)),
);
/** Long enough for many slices. */
const text = fc
  .tuple(fc.array(piece, { minLength: 1, maxLength: 8 }), fc.constantFrom(1, 4, 40))
  .map(([pieces, times]) => pieces.join('').repeat(times).slice(0, 20_000));

describe.each(STYLES)('%s', (style) => {
  const folder = new ModelFolder();
  let tokenizer: Tokenizer;
  beforeAll(async () => {
    folder.write('tokenizer.json', unzip(`${style}.tokenizer.json.gz`));
    folder.write('tokenizer_config.json', readJsonFixture<Expected>(`${style}.expected.json.gz`).settings);
    ({ tokenizer } = await openTokenizer(folder.path));
  });
  afterAll(() => folder.remove());

  test('gives the ids that encoding at once gives, also of texts that are encoded at the same time', async () => {
    await fc.assert(
      fc.asyncProperty(text, text, fc.boolean(), async (one, other, addSpecialTokens) => {
        const options = { addSpecialTokens };
        const sliced = await Promise.all([tokenizer.encodeInSlices(one, options), tokenizer.encodeInSlices(other, options)]);
        expect(sliced).toEqual([tokenizer.encode(one, options), tokenizer.encode(other, options)]);
      }),
      { numRuns: 15 },
    );
  });

  test('a long word has the ids that a short one has', () => {
    const [long, short] = [400, 20].map((times) => tokenizer.encode('internationalization'.repeat(times), PLAIN));
    const middle = short!.subarray(4, -4).join();
    expect(long!.join().includes(middle)).toBe(true);
    expect(new Set(long)).toEqual(new Set(short));
  });
});

test('what else there is to do has its turn, also within one word', async () => {
  const folder = new ModelFolder();
  folder.write('tokenizer.json', unzip('qwen2.tokenizer.json.gz'));
  folder.write('tokenizer_config.json', readJsonFixture<Expected>('qwen2.expected.json.gz').settings);
  const { tokenizer } = await openTokenizer(folder.path);
  for (const long of ['The quick brown fox. '.repeat(50_000), 'lengthy'.repeat(100_000)]) {
    let turns = 0;
    let isOver = false;
    const turn = (): void => {
      turns += 1;
      if (!isOver) setImmediate(turn);
    };
    setImmediate(turn);
    await tokenizer.encodeInSlices(long, PLAIN);
    isOver = true;
    expect(turns).toBeGreaterThan(4);
  }
  folder.remove();
});
