/** The engine on a model whose layers recur: what is kept, gone back to and restored gives the tokens of a prompt that is read anew. */
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GenerationRequest } from '../../../src/core/domain/request.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import { loadConfig } from '../../../src/adapters/config/load-config.js';
import { type OpenedEngine, openEngine } from '../../../src/server/open-engine.js';
import { openStore } from '../../../src/server/open-store.js';
import { type Answer, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';
import { tinyModelFolder } from '../../support/tiny-model-folder.js';

const EVERY = 64; // tokens between restore points; a token is a byte here
const home = createHome();
const settings = {
  'model.default': tinyModelFolder('qwen35-4bit', join(home.path, 'tiny')),
  'cache.restore_point_tokens': EVERY,
  'engine.prefill_chunk_tokens': 32,
  'cache.min_restore_tokens': 1,
  'store.directory': join(home.path, 'kv'),
  'store.min_free_mb': 0,
};

function open(): Promise<OpenedEngine> {
  const config = loadConfig({ environment: { SEMANTIC_HOME: home.path }, workingDirectory: home.path, flags: settings });
  return openEngine(config, { openStore: (checksumFile) => openStore(config.store, checksumFile, pino({ level: 'silent' })) });
}

let opened: OpenedEngine;
beforeAll(async () => {
  opened = await open();
});
afterAll(async () => {
  await opened.close();
  home.remove();
});

const text = (length: number, seed: number): string =>
  Array.from({ length }, (_, i) => String.fromCodePoint(97 + ((i * i * 7 + seed * (i + 13)) % 26))).join('');
/** A random model answers in any bytes: only letters come back in the next prompt as the tokens that they were. */
const LETTERS = new Map(Array.from({ length: 256 }, (_, byte) => [byte, byte >= 97 && byte < 123 ? 0 : -1000] as const));
const sampling = { ...GREEDY, seed: 1n, logitBias: LETTERS };
const ask = (prompt: string, changed: Partial<GenerationRequest> = {}): Promise<Answer> =>
  readAll(opened.engine.submit(requestOf(prompt, { sampling, ...changed })));
/** What is answered when nothing is remembered. */
const anew = async (prompt: string): Promise<readonly number[]> => (await ask(prompt, { cachePrompt: false })).tokens;
const mine = { sessionId: 'mine', persist: 'ram' as const };

describe('in memory', () => {
  test('a conversation goes on from the state at the end of its turn', async () => {
    const start = text(150, 1);
    const first = await ask(start, mine);
    const next = start + first.text + text(20, 2);
    const second = await ask(next, mine);
    expect(second.usage.cachedTokens).toBe(150 + 8 - 1); // the last token of an answer has no KV yet
    expect(second.tokens).toEqual(await anew(next));
  });

  test('a prompt that goes another way goes back to the last restore point before, in its session and beside it', async () => {
    const start = text(200, 3);
    await ask(start, { ...mine, sessionId: 'other' });
    for (const [sessionId, seed] of [
      ['other', 4],
      [null, 44],
    ] as const) {
      const fork = start.slice(0, 170) + text(30, seed);
      const answer = await ask(fork, { ...mine, sessionId });
      expect(answer.usage.cachedTokens).toBeGreaterThanOrEqual(EVERY);
      expect(answer.usage.cachedTokens).toBeLessThanOrEqual(170);
      expect(answer.tokens).toEqual(await anew(fork));
    }
  });

  test('many at once, of which some share a start, get the tokens they get alone', async () => {
    const shared = text(100, 5);
    const prompts = Array.from({ length: 8 }, (_, i) => (i % 2 === 0 ? shared : '') + text(20 + 9 * i, 6 + i));
    const alone: (readonly number[])[] = [];
    for (const prompt of prompts) alone.push(await anew(prompt));
    expect((await Promise.all(prompts.map((prompt) => ask(prompt, mine)))).map(({ tokens }) => tokens)).toEqual(alone);
  });

  test('nothing is left of what was let go', async () => {
    await opened.engine.drain();
    await opened.engine.kept.release(() => true);
    expect(opened.stats()).toMatchObject({ sequences: 0, kvBytes: 0 });
    expect(opened.engine.status().kv.usedBytes).toBe(0);
  });
});

describe('on disk', () => {
  const stored = { sessionId: 'stored', persist: 'disk' as const };
  const restart = async (): Promise<void> => {
    await opened.close();
    opened = await open();
  };

  test('the state at the end of a turn outlives the process, and gives the tokens of a prompt that is read anew', async () => {
    const start = text(300, 11); // past a block
    const first = await ask(start, stored);
    await restart();
    const next = start + first.text + text(30, 12);
    const second = await ask(next, stored);
    expect(second.usage.cachedTokens).toBe(300 + 8 - 1);
    await restart();
    const third = await ask(next + second.text + text(10, 13), stored);
    expect(third.usage.cachedTokens).toBe(next.length + 8 - 1);
    const whole = next + second.text + text(10, 13);
    expect([second.tokens, third.tokens]).toEqual([await anew(next), await anew(whole)]);
  });

  test('a prompt that leaves the stored turn before its end is right too', async () => {
    await opened.engine.kept.release(() => true);
    const other = text(300, 11).slice(0, 280) + text(40, 14);
    const answer = await ask(other, stored);
    expect(answer.usage.cachedTokens).toBeLessThanOrEqual(280);
    expect(answer.tokens).toEqual(await anew(other));
  });
});
