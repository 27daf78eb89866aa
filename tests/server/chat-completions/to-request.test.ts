import { describe, expect, test } from 'vitest';
import { chatCompletionSchema } from '../../../src/server/chat-completions/schema.js';
import { toChatCompletionRequest } from '../../../src/server/chat-completions/to-request.js';
import { parseBody } from '../../../src/server/request-body.js';

const defaults = { temperature: 1, top_p: 1, top_k: 0, min_p: 0, repetition_penalty: 1, max_stop_strings: 16 };
const read = (body: object) =>
  toChatCompletionRequest(
    parseBody(chatCompletionSchema, { model: 'm', messages: [{ role: 'user', content: 'Hi' }], ...body }),
    {},
    defaults,
    100,
    { scope: 'local', persist: 'ram' },
  );
const call = { id: 'call_1', type: 'function', function: { name: 'read', arguments: '{}' } };
const called = [
  { role: 'user', content: 'Hi' },
  { role: 'assistant', content: null, tool_calls: [call] },
];
const tool = { type: 'function', function: { name: 'read' } };

describe('messages', () => {
  test('every role and form of content comes down to one conversation', () => {
    const { conversation } = read({
      messages: [
        {
          role: 'developer',
          content: [
            { type: 'text', text: 'Be ' },
            { type: 'text', text: 'brief.' },
          ],
        },
        { role: 'user', content: [{ type: 'text', text: 'Hi' }], name: 'ann' },
        { role: 'assistant', tool_calls: [call], reasoning_content: 'Hm.' },
        { role: 'tool', tool_call_id: 'call_1', content: [{ type: 'text', text: 'ok' }] },
        { role: 'assistant', content: [{ type: 'refusal', refusal: 'No.' }], thinking: 'So.' },
        { role: 'assistant', content: '', refusal: 'Never.' },
      ],
    }).request;
    expect(conversation).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'user', text: 'Hi' },
      { role: 'assistant', text: '', thinking: 'Hm.', calls: [{ id: 'call_1', name: 'read', arguments: '{}' }] },
      { role: 'tool', callId: 'call_1', text: 'ok' },
      { role: 'assistant', text: 'No.', thinking: 'So.', calls: [] },
      { role: 'assistant', text: 'Never.', thinking: null, calls: [] },
    ]);
  });

  test('a function_call and its result are tied though they have no id', () => {
    const { conversation } = read({
      messages: [
        { role: 'user', content: 'Hi' },
        { role: 'assistant', content: null, function_call: { name: 'read', arguments: '{}' } },
        { role: 'function', name: 'read', content: 'ok' },
      ],
    }).request;
    expect(conversation[2]).toEqual({ role: 'tool', callId: 'function_call_1', text: 'ok' });
    expect(conversation[1]).toMatchObject({ calls: [{ id: 'function_call_1', name: 'read' }] });
  });

  test.each([
    [
      'an image',
      [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }],
      /^messages\[0\]\.content: this model reads text only, got a part of type "image_url"/,
    ],
    [
      'a result without its call',
      [{ role: 'tool', tool_call_id: 'call_9', content: 'x' }],
      /^messages\[0\]\.tool_call_id: there is no call "call_9"/,
    ],
    ['a result without a function_call', [{ role: 'function', name: 'f', content: 'x' }], /^messages\[0\]\.role/],
    ['a part without its text', [{ role: 'user', content: [{ type: 'text' }] }], /^messages\[0\]\.content/],
    ['a custom call', [{ role: 'assistant', tool_calls: [{ ...call, type: 'custom' }] }], /custom tools/],
  ])('%s is refused', (_, messages, message) => {
    expect(() => read({ messages })).toThrow(message);
  });
});

describe('tools', () => {
  test.each([
    [{ tools: [tool] }, { type: 'auto' }, true],
    [{ tools: [tool], tool_choice: 'required' }, { type: 'any' }, true],
    [{ tools: [tool], tool_choice: 'required', parallel_tool_calls: false }, { type: 'any' }, false],
    [{ tools: [tool], tool_choice: tool }, { type: 'tool', name: 'read' }, false],
    [{ tools: [tool], tool_choice: tool, parallel_tool_calls: true }, { type: 'tool', name: 'read' }, true],
    [
      { tools: [tool], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'required', tools: [tool] } } },
      { type: 'any', names: ['read'] },
      true,
    ],
    [{ tools: [tool], tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [tool] } } }, { type: 'auto' }, true],
    [{ functions: [tool.function], function_call: { name: 'read' } }, { type: 'tool', name: 'read' }, false],
    [{ functions: [tool.function] }, { type: 'auto' }, false],
  ])('%j chooses %j', (body, toolChoice, parallelCalls) => {
    expect(read(body).request).toMatchObject({ toolChoice, parallelCalls, tools: [{ name: 'read', description: null }] });
  });

  test.each([
    [{ tool_choice: 'required' }, /^tool_choice: wanted tools/],
    [{ tools: [tool], tool_choice: { type: 'function', function: { name: 'reed' } } }, /no tool "reed"/],
    [{ tools: [tool], functions: [tool.function] }, /^functions: wanted tools or functions/],
    [{ tools: [{ type: 'custom', custom: { name: 'x' } }] }, /^tools\[0\]\.type: wanted "function"/],
    [
      {
        tools: [tool],
        tool_choice: { type: 'allowed_tools', allowed_tools: { mode: 'auto', tools: [{ type: 'function', function: { name: 'x' } }] } },
      },
      /allowed_tools\.tools\[0\]/,
    ],
    [{ tools: [tool], tool_choice: 'any' }, /^tool_choice: wanted "none"/],
  ])('%j is refused', (body, message) => {
    expect(() => read(body)).toThrow(message);
  });
});

describe('thinking', () => {
  test.each([
    [{}, null, {}],
    [{ reasoning_effort: 'none' }, false, { reasoning_effort: 'low' }],
    [{ reasoning_effort: 'xhigh' }, true, { reasoning_effort: 'high' }],
    [{ chat_template_kwargs: { enable_thinking: false, custom: 1 } }, null, { enable_thinking: false, custom: 1 }],
    [
      { reasoning_effort: 'low', chat_template_kwargs: { enable_thinking: false } },
      null,
      { enable_thinking: false, reasoning_effort: 'low' },
    ],
  ])('%j', (body, thinks, templateVariables) => {
    expect(read(body).request).toMatchObject({ thinks, templateVariables, tellsThinking: true });
  });

  test('it stays in the text where that is asked for', () => {
    expect(read({ reasoning_format: 'none' }).request.tellsThinking).toBe(false);
  });
});

test.each([
  [{ messages: called, continue_final_message: true }],
  [{ continue_final_message: true }],
  [{ messages: [{ role: 'assistant', content: 'So' }], continue_final_message: true, add_generation_prompt: true }],
])('%j cannot be gone on with', (body) => {
  expect(() => read(body)).toThrow(/^continue_final_message/);
});

test('fields that only their vendor has a use for pass', () => {
  const body = {
    store: true,
    metadata: { a: 'b' },
    user: 'u',
    prompt_cache_key: 'k',
    service_tier: 'auto',
    verbosity: 'low',
    prediction: {},
  };
  expect(read(body).request.conversation).toHaveLength(1);
  expect(() => read({ modalities: ['text', 'audio'] })).toThrow(/^modalities/);
});
