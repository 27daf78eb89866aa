/** Prompts that no template goes around: text, or ids. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rejection } from '../../rejection.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';

const home = createHome();
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path);
});
afterAll(async () => {
  await opened.close();
  home.remove();
});

const raw = (prompt: string | Int32Array) => requestOf('', { messages: [], prompt });
const answer = (prompt: string | Int32Array) => readAll(opened.engine.submit(raw(prompt)));
const STORY = `Once upon a time ${'there was a very old house by the sea, and '.repeat(12)}`;

test('the text of a rendered conversation, and its ids, are answered as the conversation is', async () => {
  const { template, tokenizer } = opened.engine.model;
  const messages = [{ role: 'user', content: 'Name three colours.' }];
  const text = await template.render({ messages, addGenerationPrompt: true });
  const spoken = await readAll(opened.engine.submit(requestOf('Name three colours.')));
  const written = await answer(text);
  const numbered = await answer(tokenizer.encode(text, { addSpecialTokens: false }));
  expect(written).toMatchObject({ text: spoken.text, tokens: spoken.tokens });
  expect(numbered.tokens).toEqual(spoken.tokens);
});

test('ids are read as they were given, though their text encodes to others', async () => {
  const { tokenizer } = opened.engine.model;
  const ids = Int32Array.from([...'house'].flatMap((letter) => [...tokenizer.encode(letter, { addSpecialTokens: false })]));
  expect(tokenizer.encode('house', { addSpecialTokens: false }).length).toBeLessThan(ids.length);
  await answer('house'); // what is known of the text changes nothing
  expect((await answer(ids)).tokens.slice(0, ids.length)).toEqual([...ids]);
});

test('a prompt that goes on from an earlier one finds it, its answer included', async () => {
  const first = await answer(STORY);
  const second = await answer(`${STORY}${first.text} And then`);
  expect(second.usage.cachedTokens).toBeGreaterThanOrEqual(first.usage.promptTokens);
});

test('an empty prompt, and one that is too long, are refused by their name', async () => {
  expect(await rejection(answer(''))).toMatchObject({ code: 'InvalidRequest', param: 'prompt' });
  expect(await rejection(answer(new Int32Array(0)))).toMatchObject({ code: 'InvalidRequest', param: 'prompt' });
  expect(await rejection(answer(new Int32Array(9000)))).toMatchObject({
    code: 'PromptTooLong',
    param: 'prompt',
    message: 'prompt is too long: 9000 tokens > 8192 maximum',
  });
});

test('its tokens are counted as they are', async () => {
  expect(await opened.engine.countTokens({ messages: [], tools: [], prompt: Int32Array.of(1, 2, 3) })).toBe(3);
});
