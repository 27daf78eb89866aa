import { describe, expect, test } from 'vitest';
import { ThinkingSeal } from '../../../src/core/answers/thinking-seal.js';
import { SemanticError } from '../../../src/core/domain/errors.js';
import { itemId, responseOfItem, toItems } from '../../../src/server/responses/items.js';
import { responsesSchema } from '../../../src/server/responses/schema.js';
import { toPrompt } from '../../../src/server/responses/to-request.js';
import { RESPONSE_ID, TOOLS } from './given.js';

const seal = new ThinkingSeal(new Uint8Array(32).fill(7));

function promptOf(body: object, isKept = false) {
  const parsed = responsesSchema.parse(body);
  const items = toItems(parsed.input, RESPONSE_ID).map((item, i) => ({ item, isKept, at: `input[${i}]` }));
  return toPrompt(parsed, items, seal);
}

const USER = { role: 'user', content: 'Hi.' };

describe('toPrompt', () => {
  test('what the assistant thought, said and called is one message, whatever its form', () => {
    const { conversation } = promptOf({
      instructions: 'Be brief.',
      tools: TOOLS,
      input: [
        {
          type: 'message',
          role: 'developer',
          content: [
            { type: 'input_text', text: 'a' },
            { type: 'input_text', text: 'b' },
          ],
        },
        USER,
        { type: 'reasoning', id: 'rs_1', summary: [], encrypted_content: seal.encrypt('So.') },
        {
          role: 'assistant',
          content: [
            { type: 'output_text', text: 'Let me ' },
            { type: 'output_text', text: 'look.' },
          ],
        },
        { type: 'function_call', call_id: 'c1', name: 'get_weather', namespace: 'agents', arguments: '{}' },
        { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: 'x\n"y"' },
        { type: 'web_search_call', id: 'ws_1', status: 'completed' },
        { type: 'custom_tool_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'done' }] },
        { type: 'function_call_output', call_id: 'c1', output: 'sunny' },
      ],
    });
    expect(conversation).toEqual([
      { role: 'system', text: 'Be brief.' },
      { role: 'system', text: 'a\n\nb' },
      { role: 'user', text: 'Hi.' },
      {
        role: 'assistant',
        text: 'Let me look.',
        thinking: 'So.',
        calls: [
          { id: 'c1', name: 'agents__get_weather', arguments: '{}' },
          { id: 'c2', name: 'apply_patch', arguments: '{"input":"x\\n\\"y\\""}' },
        ],
      },
      { role: 'tool', callId: 'c2', text: 'done' },
      { role: 'tool', callId: 'c1', text: 'sunny' },
    ]);
  });

  test.each([
    ['that is not sealed', { summary: [{ type: 'summary_text', text: 'So.' }] }],
    ['of another model', { summary: [], encrypted_content: 'gAAAAABo' }],
    ['sealed with another key', { summary: [], encrypted_content: new ThinkingSeal(new Uint8Array(32)).encrypt('So.') }],
    ['whose seal was changed', { summary: [], encrypted_content: `A${seal.encrypt('So.').slice(1)}`.replace(/^AA/, 'AB') }],
  ])('thinking %s is dropped', (_, fields) => {
    const { conversation } = promptOf({
      input: [USER, { type: 'reasoning', id: 'rs_1', ...fields }, { role: 'assistant', content: 'Hello.' }],
    });
    expect(conversation.at(-1)).toEqual({ role: 'assistant', text: 'Hello.', thinking: null, calls: [] });
  });

  test.each([
    { summary: [{ type: 'summary_text', text: 'So.' }], content: [] },
    { summary: [], content: [{ type: 'reasoning_text', text: 'So.' }] },
  ])('thinking that we have kept ourselves is taken as it is', (fields) => {
    const { conversation } = promptOf({ input: [USER, { type: 'reasoning', id: 'rs_1', ...fields }] }, true);
    expect(conversation.at(-1)).toMatchObject({ role: 'assistant', thinking: 'So.' });
  });

  test('tools of namespaces and those that come later are offered, each under a name of its own', () => {
    const later = {
      type: 'additional_tools',
      role: 'developer',
      tools: [{ type: 'function', name: 'later' }, { type: 'web_search' }, TOOLS[0]],
    };
    const { tools } = promptOf({ tools: [...TOOLS, { type: 'web_search' }], input: [USER, later] });
    expect(tools.map(({ name }) => name)).toEqual(['get_weather', 'apply_patch', 'agents__get_weather', 'later']);
    expect(tools[1]!.parameters).toMatchObject({ required: ['input'] });
  });

  test('the grammar of a custom tool is told', () => {
    const format = { type: 'grammar', syntax: 'lark', definition: 'start: "x"' };
    const { tools } = promptOf({ tools: [{ type: 'custom', name: 'x', format }], input: 'Hi.' });
    expect(tools[0]!.description).toBe('Its input has to fit this lark grammar:\nstart: "x"');
  });

  test.each([
    ['required', { type: 'any' }, 3],
    ['none', { type: 'none' }, 3],
    [{ type: 'function', name: 'get_weather' }, { type: 'tool', name: 'get_weather' }, 3],
    [{ type: 'custom', name: 'apply_patch' }, { type: 'tool', name: 'apply_patch' }, 3],
    [{ type: 'allowed_tools', mode: 'auto', tools: [{ type: 'custom', name: 'apply_patch' }] }, { type: 'auto' }, 1],
    [{ type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'get_weather' }] }, { type: 'any' }, 1],
  ])('tool_choice %j', (tool_choice, wanted, count) => {
    const { toolChoice, tools } = promptOf({ tools: TOOLS, tool_choice, input: 'Hi.' });
    expect(toolChoice).toEqual(wanted);
    expect(tools).toHaveLength(count);
  });

  test('allowed_tools that allow none of those there are cannot be required', () => {
    const tool_choice = { type: 'allowed_tools', mode: 'required', tools: [{ type: 'function', name: 'no' }] };
    expect(() => promptOf({ tools: TOOLS, tool_choice, input: 'Hi.' })).toThrow(SemanticError);
  });

  test.each([
    [{}, null],
    [{ effort: 'none' }, false],
    [{ effort: 'minimal' }, false],
    [{ effort: 'high' }, true],
    [{ summary: 'auto' }, null],
  ])('reasoning %j', (reasoning, thinks) => {
    expect(promptOf({ input: 'Hi.', reasoning }).thinks).toBe(thinks);
  });
});

test('an id of ours leads to its response; any other does not', () => {
  expect(responseOfItem(itemId('message', RESPONSE_ID, 'o', 3))).toBe(RESPONSE_ID);
  for (const id of ['msg_1', '', RESPONSE_ID, `${itemId('message', RESPONSE_ID, 'i', 0)}x`]) expect(responseOfItem(id)).toBeNull();
});
