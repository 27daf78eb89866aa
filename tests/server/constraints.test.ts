/** Constraints as clients of Chat Completions send them. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const model = 'smollm2-135m-instruct';
const ajv = new Ajv2020({ strict: false });
const ask = (content: string) => [{ role: 'user' as const, content }];

const schema = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 20 }, population: { type: 'integer', minimum: 0, maximum: 50_000_000 } },
  required: ['city', 'population'],
  additionalProperties: false,
};

test('the OpenAI SDK gets an answer that is valid against its schema, at once and as a stream', async () => {
  const response_format = { type: 'json_schema' as const, json_schema: { name: 'city', schema, strict: true } };
  const body = { model, max_tokens: 120, temperature: 0, messages: ask('Which city is the capital of France?'), response_format };
  const whole = await daemon.openai.chat.completions.create(body);
  expect(whole.choices[0]?.finish_reason).toBe('stop');
  const text = whole.choices[0]?.message.content ?? '';
  expect(ajv.validate(schema, JSON.parse(text)), `got ${text}`).toBe(true);
  let streamed = '';
  for await (const chunk of await daemon.openai.chat.completions.create({ ...body, stream: true }))
    streamed += chunk.choices[0]?.delta.content ?? '';
  expect(streamed).toBe(text);
});

const content = async (response: Response): Promise<string> =>
  ((await response.json()) as { choices: { message: { content: string } }[] }).choices[0]!.message.content;

test('guided_regex and guided_grammar constrain as they do in vLLM', async () => {
  expect(await content(await daemon.chat({ messages: ask('Which year is it?'), max_tokens: 12, guided_regex: '(19|20)[0-9]{2}' }))).toMatch(
    /^(19|20)\d\d$/,
  );
  expect(
    await content(await daemon.chat({ messages: ask('Yes or no?'), max_tokens: 12, guided_grammar: 'root ::= "yes" | "no"' })),
  ).toMatch(/^(yes|no)$/);
});

test('json_object gives an object, and text gives anything', async () => {
  const object = await daemon.chat({
    messages: ask('A JSON object with one short field.'),
    max_tokens: 3,
    temperature: 0,
    response_format: { type: 'json_object' },
  });
  expect(await content(object)).toMatch(/^\{/);
  const free = await daemon.chat({ messages: ask('Hi'), max_tokens: 3, temperature: 0, response_format: { type: 'text' } });
  expect(await content(free)).not.toMatch(/^\{/);
});
