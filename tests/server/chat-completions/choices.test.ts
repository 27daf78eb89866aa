/** Several answers to one prompt, log-probabilities in chunks, answers that go on from a given beginning, and answers that are parsed. */
import { zodResponseFormat } from 'openai/helpers/zod';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const model = 'smollm2-135m-instruct';
const ask = (content: string) => [{ role: 'user' as const, content }];

test('n answers are n seeds on one prompt, which is counted once', async () => {
  const body = { model, messages: ask('Tell me a story.'), max_tokens: 12, temperature: 1, seed: 5 };
  const three = await daemon.openai.chat.completions.create({ ...body, n: 3 });
  expect(three.choices.map(({ index }) => index)).toEqual([0, 1, 2]);
  expect(new Set(three.choices.map(({ message }) => message.content)).size).toBe(3);
  const one = await daemon.openai.chat.completions.create(body);
  expect(one.choices[0]?.message.content).toBe(three.choices[0]?.message.content);
  expect(three.usage?.prompt_tokens).toBe(one.usage?.prompt_tokens);
  expect(three.usage?.completion_tokens).toBe(36);
  const streamed = await daemon.openai.chat.completions
    .stream({ ...body, n: 3, stream_options: { include_usage: true } })
    .finalChatCompletion();
  const byIndex = streamed.choices.toSorted((a, b) => a.index - b.index);
  expect(byIndex.map(({ message }) => message.content)).toEqual(three.choices.map(({ message }) => message.content));
  expect(streamed.usage).toMatchObject({ prompt_tokens: one.usage?.prompt_tokens, completion_tokens: 36 });
});

test('n answers read a long prompt once', async () => {
  const messages = ask(`Summarise: ${Array.from({ length: 120 }, (_, i) => `Bed ${i} grows plant number ${i * 7}.`).join(' ')}`);
  const before = (await daemon.status()).native.tokensPrefilled;
  const { usage } = await daemon.openai.chat.completions.create({ model, messages, n: 3, max_tokens: 2 });
  const prefilled = (await daemon.status()).native.tokensPrefilled - before;
  expect(usage!.prompt_tokens).toBeGreaterThan(1000);
  expect(prefilled).toBeLessThan(1.5 * usage!.prompt_tokens);
  expect(usage!.prompt_tokens_details?.cached_tokens).toBeLessThan(100); // the template's own beginning
});

test('more answers than may wait are refused as a whole', async () => {
  const response = await daemon.chat({ messages: ask('Hi'), n: 100, max_tokens: 1 });
  expect(response.status).toBe(429);
  expect(response.headers.get('retry-after')).toMatch(/^\d+$/);
  await until(daemon.status, ({ engine }) => engine.running === 0 && engine.waiting === 0);
});

test('the log-probabilities of a stream are those of the body, each in the chunk of its text', async () => {
  const body = {
    model,
    messages: ask('Name three colours, one per line.'),
    max_tokens: 24,
    temperature: 0,
    logprobs: true,
    top_logprobs: 2,
  };
  const whole = await daemon.openai.chat.completions.create(body);
  const entries: unknown[] = [];
  for await (const { choices } of await daemon.openai.chat.completions.create({ ...body, stream: true })) {
    const [choice] = choices;
    const content = choice?.logprobs?.content ?? [];
    if (choice?.delta.content) expect(Buffer.from(content.flatMap(({ bytes }) => bytes ?? [])).toString()).toBe(choice.delta.content);
    entries.push(...content);
  }
  expect(entries).toEqual(whole.choices[0]?.logprobs?.content);
});

test('an answer goes on from the last message, if that is asked for', async () => {
  const messages = [...ask('What is the capital of France?'), { role: 'assistant', content: 'The capital of France is' }];
  const body = { messages, max_tokens: 2, temperature: 0, continue_final_message: true, add_generation_prompt: false };
  const answer = (await (await daemon.chat(body)).json()) as { choices: { message: { content: string } }[] };
  expect(answer.choices[0]?.message.content).toMatch(/^ Paris/);
});

test('the SDK parses an answer against the schema it was asked for with', async () => {
  const City = z.object({ city: z.string(), isCapital: z.boolean() });
  const { choices } = await daemon.openai.chat.completions.parse({
    model,
    messages: ask('Paris, as JSON.'),
    max_tokens: 200,
    temperature: 0,
    response_format: zodResponseFormat(City, 'city'),
  });
  expect(City.safeParse(choices[0]?.message.parsed).success).toBe(true);
});
