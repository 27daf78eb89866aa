/** Against tokenizers of every style; what a model may emit for a text is drawn from all ways to write its bytes as tokens. */
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { splicePrompt } from '../../../src/core/engine/splice-prompt.js';
import type { Tokenizer } from '../../../src/core/ports.js';
import { type Expected, ModelFolder, readJsonFixture, unzip } from '../../adapters/tokenizer/fixtures.js';

const STYLES = ['llama3', 'qwen2', 'o200k', 'tekken', 'llama2', 'mistral', 'gemma', 'odd'] as const;
type Style = (typeof STYLES)[number];

const folder = new ModelFolder();
const tokenizers = new Map<Style, { tokenizer: Tokenizer; idsOf: Map<string, number[]> }>();
beforeAll(async () => {
  for (const style of STYLES) {
    folder.write('tokenizer.json', unzip(`${style}.tokenizer.json.gz`));
    folder.write('tokenizer_config.json', readJsonFixture<Expected>(`${style}.expected.json.gz`).settings);
    const { tokenizer } = await openTokenizer(folder.path);
    const idsOf = new Map<string, number[]>();
    for (let id = 0; id < tokenizer.vocabSize; id++) {
      const bytes = latin1(tokenizer.tokenBytes(id));
      if (bytes !== '') idsOf.set(bytes, [...(idsOf.get(bytes) ?? []), id]);
    }
    tokenizers.set(style, { tokenizer, idsOf });
  }
});
afterAll(() => folder.remove());

const latin1 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const tokenizerOf = (style: Style): Tokenizer => tokenizers.get(style)!.tokenizer;
const encode = (style: Style, text: string): Int32Array => tokenizerOf(style).encode(text, { addSpecialTokens: false });
const decode = (style: Style, ids: Int32Array): string => tokenizerOf(style).decode(ids, { skipSpecialTokens: false });

function bytesOf(style: Style, ids: Int32Array): string {
  return Array.from(ids, (id) => latin1(tokenizerOf(style).tokenBytes(id))).join('');
}

/** Other ids for the same bytes: `choices` says which of the tokens that fit comes next. Ends where none does (`odd` has not every byte). */
function respell(style: Style, bytes: string, choices: readonly number[]): Int32Array {
  const { idsOf } = tokenizers.get(style)!;
  const ids: number[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const fitting = [1, 2, 3, 4, 5, 6, 10].flatMap((length) => idsOf.get(bytes.slice(at, at + length)) ?? []);
    const id = fitting[choices[turn % choices.length]! % fitting.length];
    if (id === undefined) break;
    ids.push(id);
    at += tokenizerOf(style).tokenBytes(id).length;
  }
  return Int32Array.from(ids);
}

/** To its end, whatever its pauses. */
function driven<T>(work: Generator<void, T, void>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done === true) return value;
  }
}

function splice(style: Style, text: string, earlier: Int32Array): Int32Array {
  return driven(splicePrompt({ ids: encode(style, text), earlier, tokenizer: tokenizerOf(style) }));
}

const concat = (...lists: Int32Array[]): Int32Array => Int32Array.from(lists.flatMap((list) => [...list]));

describe('splicePrompt', () => {
  const prompt = '<|im_start|>user\nName a city.<|im_end|>\n<|im_start|>assistant\n';
  const answer = 'Kyoto, 京都, is an old one 🏯.';
  const next = '\n<|im_start|>user\nAnd the next?<|im_end|>\n';
  const end = '<|im_end|>';
  /** Emitted letter by letter, bytes where the vocabulary has no letter. */
  const spelled = (text: string): Int32Array => respell('qwen2', latin1(Buffer.from(text)), [0]);

  test('the emitted ids stay where their text comes back, and what follows is encoded as ever', () => {
    const earlier = concat(encode('qwen2', prompt), spelled(answer), encode('qwen2', end));
    const text = prompt + answer + end + next;
    expect(commonPrefix(encode('qwen2', text), earlier)).toBeLessThan(earlier.length - 10);
    expect(splice('qwen2', text, earlier)).toEqual(concat(earlier, encode('qwen2', next)));
  });

  test('an answer that was cut short within a character keeps what comes back of it', () => {
    const bytes = spelled(answer);
    const cut = bytes.subarray(0, bytes.length - 2); // two bytes of the last emoji are missing
    const earlier = concat(encode('qwen2', prompt), cut);
    expect(decode('qwen2', earlier)).toContain('\uFFFD');
    const spliced = splice('qwen2', prompt + decode('qwen2', cut) + end + next, earlier);
    expect(decode('qwen2', spliced)).toBe(prompt + decode('qwen2', cut) + end + next);
    expect(commonPrefix(spliced, earlier)).toBeGreaterThan(earlier.length - 4);
  });

  test('an answer that was edited keeps what comes before the change', () => {
    const earlier = concat(encode('qwen2', prompt), spelled(answer), encode('qwen2', end));
    const text = prompt + answer.replace('old', 'ancient') + end + next;
    const spliced = splice('qwen2', text, earlier);
    expect(decode('qwen2', spliced)).toBe(text);
    const kept = decode('qwen2', earlier.subarray(0, commonPrefix(spliced, earlier)));
    expect(kept).toBe(`${prompt}Kyoto, 京都, is an`);
  });

  test('U+FFFD that the text really has is kept as any other character', () => {
    const odd = 'a \uFFFD b';
    const earlier = concat(encode('qwen2', prompt), spelled(odd), encode('qwen2', end));
    expect(splice('qwen2', prompt + odd + end + next, earlier)).toEqual(concat(earlier, encode('qwen2', next)));
    const invalid = concat(encode('qwen2', prompt), spelled('a '), spelled('中').subarray(0, 1), spelled(' b'), encode('qwen2', end));
    expect(decode('qwen2', invalid)).toBe(prompt + odd + end);
    expect(decode('qwen2', splice('qwen2', prompt + odd + end + next, invalid))).toBe(prompt + odd + end + next);
  });

  test('a long answer is gone through a few tokens at a time', () => {
    const long = 'Kyoto, 京都, is an old one. '.repeat(400);
    const earlier = concat(encode('qwen2', prompt), spelled(long), encode('qwen2', end));
    const ids = encode('qwen2', prompt + long + end + next);
    const work = splicePrompt({ ids, earlier, tokenizer: tokenizerOf('qwen2') });
    let pauses = 0;
    let step = work.next();
    for (; step.done !== true; step = work.next()) pauses += 1;
    expect(step.value).toEqual(concat(earlier, encode('qwen2', next)));
    expect(pauses).toBeGreaterThan(earlier.length / 512);
  });

  test('ids that do not diverge before the end of either list are handed back as they are', () => {
    const ids = encode('qwen2', prompt + answer);
    for (const earlier of [ids, ids.subarray(0, 5), concat(ids, encode('qwen2', next)), new Int32Array(0)]) {
      expect(driven(splicePrompt({ ids, earlier, tokenizer: tokenizerOf('qwen2') }))).toBe(ids);
    }
  });
});

const piece = fc.constantFrom(
  ...[
    'Hello',
    ' world',
    ' the',
    'é',
    'e\u0301',
    '中文',
    '👩‍🚀',
    '\uFFFD',
    '\n\n',
    '  ',
    '\t',
    '1234',
    'ſ',
    '</s>',
    '<|im_end|>',
    '<|eot_id|>',
    '▁',
  ],
  ...['<end_of_turn>', "don't", '<0x41>', '.', 'ﬁ', 'ẞ', '\u0000'],
);
const text = fc.array(piece, { maxLength: 14 }).map((pieces) => pieces.join(''));
const choices = fc.array(fc.nat(20), { minLength: 1, maxLength: 9 });

test.each(STYLES)('%s: whatever was emitted before, the text stays the same and no less of it is shared', (style) => {
  let gained = 0;
  fc.assert(
    fc.property(text, text, text, choices, fc.nat(40), (start, was, is, ways, lost) => {
      const ids = encode(style, start + is);
      const emitted = respell(style, bytesOf(style, encode(style, start + was)), ways);
      const earlier = emitted.subarray(0, Math.max(0, emitted.length - lost));
      const spliced = splice(style, start + is, earlier);
      expect(decode(style, spliced)).toBe(decode(style, ids));
      const shared = commonPrefix(ids, earlier);
      expect(commonPrefix(spliced, earlier)).toBeGreaterThanOrEqual(shared);
      if (commonPrefix(spliced, earlier) > shared) gained += 1;
    }),
    { numRuns: 200 },
  );
  // `odd` has a decoder that puts spaces between tokens: other tokens are other text there.
  if (style !== 'odd') expect(gained).toBeGreaterThan(30);
});

test.each(STYLES.filter((style) => style !== 'odd'))('%s: all that was emitted stays where a token of the prompt ends with it', (style) => {
  fc.assert(
    fc.property(text, text, choices, (start, rest, ways) => {
      const ids = encode(style, start + rest);
      for (let end = 0; end < ids.length; end++) {
        const earlier = respell(style, bytesOf(style, ids.subarray(0, end)), ways);
        const spliced = splice(style, start + rest, earlier);
        if (commonPrefix(ids, earlier) < earlier.length) expect(spliced).toEqual(concat(earlier, ids.subarray(end)));
      }
    }),
    { numRuns: 20 },
  );
});
