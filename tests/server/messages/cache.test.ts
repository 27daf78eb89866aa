/** What the usage says of the cache is the engine's own count, and a conversation that goes on finds what it left. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChatTemplate } from '../../../src/adapters/chat-template/create-chat-template.js';
import { answerFormatOf } from '../../../src/core/answers/answer-format.js';
import { EmittedAnswers } from '../../../src/core/answers/emitted-answers.js';
import { AnswerParser } from '../../../src/core/answers/parse-answer.js';
import { ThinkingSeal } from '../../../src/core/answers/thinking-seal.js';
import { toTemplateInput } from '../../../src/core/answers/to-chat-messages.js';
import { parseBody } from '../../../src/server/request-body.js';
import { countTokensSchema } from '../../../src/server/messages/schema.js';
import { toPrompt } from '../../../src/server/messages/to-conversation.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { type Block, create, type Message, promptTokens } from './messages-api.js';

const SYSTEM = `You are a helpful assistant. ${'Answer briefly, kindly and only when you know. '.repeat(30)}`;
const FORECAST = {
  name: 'forecast',
  description: 'Tells the weather of some days.',
  input_schema: {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 12 }, days: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['city', 'days'],
    additionalProperties: false,
  },
};

describe('three turns', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.stop());

  const ask = (messages: readonly object[], more: object = {}): Promise<Message> =>
    create(daemon, { max_tokens: 60, temperature: 0, system: SYSTEM, tools: [FORECAST], messages, ...more });

  /** Tokens of the turn before that were found again, of those its prompt and its answer came to. */
  function expectFound(now: Message, before: Message): void {
    expect(now.usage.cache_read_input_tokens).toBeGreaterThanOrEqual(0.95 * (promptTokens(before.usage) + before.usage.output_tokens));
    expect(now.usage.input_tokens).toBe(0);
    expect(now.usage.cache_creation_input_tokens).toBe(promptTokens(now.usage) - now.usage.cache_read_input_tokens);
  }

  test('find what the turn before left: after text, after a call that comes back in other words, with blocks in place of strings', async () => {
    const first = { role: 'user', content: 'Who are you?' };
    const one = await ask([first]);
    expect(one.usage.cache_read_input_tokens).toBe(0);

    const second = { role: 'user', content: [{ type: 'text', text: 'What will the weather be?', cache_control: { type: 'ephemeral' } }] };
    const said = { role: 'assistant', content: one.content };
    const two = await ask([first, said, second], { tool_choice: { type: 'any', disable_parallel_tool_use: true } });
    expectFound(two, one);

    const call = two.content.find(({ type }) => type === 'tool_use')!;
    expect(Object.keys(call.input!)).toEqual(['city', 'days']);
    const turned: Block = { ...call, input: { days: call.input!['days'], city: call.input!['city'] } };
    const result = { type: 'tool_result', tool_use_id: call.id, content: [{ type: 'text', text: 'Sunny.' }] };
    const asText = { role: 'user', content: 'What will the weather be?' };
    const three = await ask([
      { role: 'user', content: [{ type: 'text', text: 'Who are you?' }] },
      said,
      asText,
      { role: 'assistant', content: two.content.map((block) => (block === call ? turned : block)) },
      { role: 'user', content: [result] },
    ]);
    expectFound(three, two);
  });
});

describe('a family that thinks', () => {
  const home = mkdtempSync(join(tmpdir(), 'semantic-'));
  afterAll(() => rmSync(home, { recursive: true }));
  const source = readFileSync(new URL('../../fixtures/tokenizers/templates/qwen3.jinja', import.meta.url), 'utf8');
  const seal = new ThinkingSeal(new Uint8Array(32).fill(1));

  test('reads again what it read and wrote, byte for byte, when its thinking and a call come back from the client', async () => {
    const template = await createChatTemplate({ templates: { default: source, toolUse: null }, namedTokens: {} }, 20_000);
    const format = answerFormatOf(source);
    const emitted = new EmittedAnswers({ most: 10, records: null, model: '' });
    const render = (messages: readonly object[]): Promise<string> => {
      const prompt = toPrompt(parseBody(countTokensSchema, { model: 'm', system: SYSTEM, tools: [FORECAST], messages }), seal);
      const input = toTemplateInput(prompt.conversation, prompt.tools, { knowsTools: true }, emitted);
      return template.render({ ...input, addGenerationPrompt: true });
    };
    const question = { role: 'user', content: 'Weather?' };
    const before = await render([question]);
    const raw = '<think>\nThey ask.\n</think>\n\n<tool_call>\n{"name": "forecast", "arguments": {"city":"Bern",  "days":2}}\n</tool_call>';
    const parser = new AnswerParser({ format, toolNames: new Set(['forecast']), startsThinking: false });
    const events = [...parser.push(raw), ...parser.end()];
    const of = (type: 'text' | 'thinking'): string => events.map((event) => (event.type === type ? event.text : '')).join('');
    const json = events.map((event) => (event.type === 'arguments' ? event.json : '')).join('');
    emitted.remember({ raw, text: of('text'), calls: [{ id: 'toolu_1', name: 'forecast', arguments: json }] }, null);
    const thinking = of('thinking');
    expect(thinking).toBe('They ask.');
    const answer = [
      { type: 'thinking', thinking, signature: seal.sign(thinking) },
      { type: 'tool_use', id: 'toolu_1', name: 'forecast', input: { days: 2, city: 'Bern' }, caller: { type: 'direct' } },
    ];
    const result = { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1', content: 'Sunny.' }] };
    const after = await render([question, { role: 'assistant', content: answer }, result]);
    await template.close();
    expect(after.startsWith(`${before}${raw}<|im_end|>`)).toBe(true);
  });
});
