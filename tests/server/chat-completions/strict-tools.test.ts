/** A strict tool that the model calls by its own choice. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

/** It has called the tool so often that it does again. */
const HISTORY = ['Bern', 'Rome', 'Paris', 'Vienna'].flatMap((city, i) => [
  { role: 'user', content: `What is the weather in ${city}?` },
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: `call_${i}`, type: 'function', function: { name: 'weather', arguments: JSON.stringify({ city }) } }],
  },
  { role: 'tool', tool_call_id: `call_${i}`, content: 'Sunny.' },
  { role: 'assistant', content: 'It is sunny.' },
]);
const weather = (strict: boolean, parameters: object): object => ({
  type: 'function',
  function: { name: 'weather', description: 'Tells the weather of a city.', strict, parameters },
});
/** Nothing it has seen says so. */
const ZONES = { type: 'object', properties: { zone: { enum: [17, 23] } }, required: ['zone'], additionalProperties: false };

interface Answer {
  readonly choices: readonly { readonly message: { readonly content: string | null; readonly tool_calls?: readonly Call[] } }[];
}
interface Call {
  readonly function: { readonly name: string; readonly arguments: string };
}

async function ask(tool: object, question: string, messages: readonly object[] = HISTORY): Promise<Answer['choices'][number]['message']> {
  const body = { messages: [...messages, { role: 'user', content: question }], tools: [tool], temperature: 0, max_tokens: 60 };
  const response = await daemon.chat(body);
  expect(response.status).toBe(200);
  return ((await response.json()) as Answer).choices[0]!.message;
}

test('fits its schema under tool_choice auto, where the model would write something else', async () => {
  const question = 'What is the weather in Oslo?';
  const free = await ask(weather(false, ZONES), question);
  expect(free.tool_calls?.[0]?.function.name).toBe('weather');
  expect(JSON.parse(free.tool_calls![0]!.function.arguments)).not.toHaveProperty('zone');
  const strict = await ask(weather(true, ZONES), question);
  expect(strict.tool_calls?.[0]?.function.name).toBe('weather');
  expect([{ zone: 17 }, { zone: 23 }]).toContainEqual(JSON.parse(strict.tool_calls![0]!.function.arguments));
});

test('leaves an answer without calls as it would be', async () => {
  const question = 'Write one sentence about the sea.';
  const free = await ask(weather(false, ZONES), question, []);
  expect(free.tool_calls).toBeUndefined();
  expect(await ask(weather(true, ZONES), question, [])).toEqual(free);
});

test('whose schema cannot be kept is refused by name, and one that is not strict is not', async () => {
  const odd = { type: 'object', properties: { a: { not: {} } } };
  const messages = [{ role: 'user', content: 'Hello' }];
  const refused = await daemon.chat({ messages, tools: [weather(true, odd)], max_tokens: 1 });
  expect(refused.status).toBe(400);
  expect(await refused.text()).toMatch(/tool \\"weather\\" #\/properties\/a\/not/);
  expect((await daemon.chat({ messages, tools: [weather(false, odd)], max_tokens: 1 })).status).toBe(200);
});
