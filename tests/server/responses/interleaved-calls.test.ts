/** Calls that were made at once come back one by one, each with its output behind it: the model reads the answer that it gave. */
import type OpenAI from 'openai';
import type { ResponseCreateParamsNonStreaming, ResponseInputItem } from 'openai/resources/responses/responses';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const WEATHER = {
  type: 'function',
  name: 'weather',
  parameters: { type: 'object', properties: { city: { enum: ['Bern', 'Rome'] } }, required: ['city'], additionalProperties: false },
  strict: false,
} as const;
const QUESTION: ResponseInputItem = { role: 'user', content: 'What is the weather in Bern, and what is it in Rome? Call weather twice.' };

function ask(input: ResponseInputItem[], more: Partial<ResponseCreateParamsNonStreaming> = {}): Promise<OpenAI.Responses.Response> {
  const body = { model: 'gpt-5', temperature: 0, store: false, tools: [WEATHER], input, ...more };
  return daemon.openai.responses.create({ ...body, stream: false });
}

test('and what was there of it is found to the same token', async () => {
  const made = await ask([QUESTION], { tool_choice: 'required', max_output_tokens: 120 });
  const calls = made.output.filter((item) => item.type === 'function_call');
  expect(calls.length).toBeGreaterThan(1);
  const interleaved = calls.flatMap((call): ResponseInputItem[] => [
    { ...call, arguments: JSON.stringify(JSON.parse(call.arguments), null, 2) },
    { type: 'function_call_output', call_id: call.call_id, output: 'Sunny.' },
  ]);
  const { usage } = await ask([QUESTION, ...interleaved], { max_output_tokens: 1 });
  const there = made.usage!.input_tokens + made.usage!.output_tokens;
  // The last token of an answer is sampled, and computed only when something follows it.
  expect(there - usage!.input_tokens_details.cached_tokens).toBeLessThanOrEqual(1);
});
