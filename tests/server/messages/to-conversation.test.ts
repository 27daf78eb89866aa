import { describe, expect, test } from 'vitest';
import { ThinkingSeal } from '../../../src/core/answers/thinking-seal.js';
import type { ConversationMessage } from '../../../src/core/answers/conversation.js';
import type { Prompt } from '../../../src/core/answers/answerer.js';
import { parseBody } from '../../../src/server/request-body.js';
import { countTokensSchema } from '../../../src/server/messages/schema.js';
import { toPrompt } from '../../../src/server/messages/to-conversation.js';

const seal = new ThinkingSeal(new Uint8Array(32).fill(7));
const prompt = (body: object): Prompt => toPrompt(parseBody(countTokensSchema, { model: 'm', ...body }), seal);
const read = (...messages: object[]): readonly ConversationMessage[] => prompt({ messages }).conversation;
const user = (content: unknown): object => ({ role: 'user', content });
const said = (content: unknown): object => ({ role: 'assistant', content });
const hi = user('Hi');
const tool = (name: string, more: object = {}): object => ({ name, input_schema: { type: 'object' }, ...more });
const call = (id: string, name = 'f'): object => ({ type: 'tool_use', id, name, input: { a: 1 }, caller: { type: 'direct' } });
const result = (id: string, content: unknown = id, more: object = {}): object => ({
  type: 'tool_result',
  tool_use_id: id,
  content,
  ...more,
});
const text = (value: string): object => ({ type: 'text', text: value, citations: null, cache_control: { type: 'ephemeral' } });

describe('system', () => {
  test('is a string or blocks', () => {
    const blocks = [text('You help.'), text(''), text('Be kind.')];
    expect(prompt({ system: blocks, messages: [hi] }).conversation[0]).toEqual({ role: 'system', text: 'You help.\n\nBe kind.' });
    expect(prompt({ system: 'You help.', messages: [hi] }).conversation[0]).toEqual({ role: 'system', text: 'You help.' });
  });

  test('messages of its role may stand anywhere, also last and without content', () => {
    expect(read(hi, { role: 'system', content: [text('Now in French.')], output_config: { effort: 'low' } })).toEqual([
      { role: 'user', text: 'Hi' },
      { role: 'system', text: 'Now in French.' },
    ]);
    expect(read({ role: 'system', content: 'A' }, hi, { role: 'system', content: [] })).toEqual([
      { role: 'system', text: 'A' },
      { role: 'user', text: 'Hi' },
    ]);
  });
});

describe('content', () => {
  test('as a string and as blocks is the same', () => {
    expect(read(user([text('Hi')]), said([text('Ho')]), hi)).toEqual(read(hi, said('Ho'), hi));
  });

  test('that is empty says nothing; where nothing is said at all, that is refused', () => {
    expect(read(user([]), hi, user([text('')]))).toEqual([{ role: 'user', text: 'Hi' }]);
    expect(() => read(user(''), said([]))).toThrow(/messages: wanted a message that says something/);
  });

  test('of documents and search results is their text', () => {
    const document = { type: 'document', title: 'T', context: 'C', source: { type: 'text', media_type: 'text/plain', data: 'D' } };
    const nested = { type: 'document', source: { type: 'content', content: [text('E'), text('F')] } };
    const found = { type: 'search_result', source: 'S', title: 'U', content: [text('G')], citations: { enabled: true } };
    expect(read(user([document, nested, found]))).toEqual([{ role: 'user', text: 'T\nC\nD\n\nE\nF\n\nU\nS\nG' }]);
  });

  test.each([
    [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data: '' } }],
    [{ type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: '' } }],
    [{ type: 'document', source: { type: 'content', content: [{ type: 'image', source: {} }] } }],
  ])('of %j is refused in so many words, in a result too', (block) => {
    expect(() => read(user([block]))).toThrow(/^messages\[0\]\.content\[0\].*: this model reads text only/);
    expect(() => read(hi, said([call('a')]), user([result('a', [block])]))).toThrow(
      /^messages\[2\]\.content\[0\]\.content\[0\].*reads text only/,
    );
  });

  test('of a kind that nobody knows is refused by its place', () => {
    expect(() => read(user([{ type: 'hologram' }]))).toThrow(/^messages\[0\]\.content/);
  });
});

describe('the answer', () => {
  test('goes on from a last message of the assistant, unless that is empty', () => {
    const prefilled = prompt({ messages: [hi, said('{"a":')] });
    expect([prefilled.continuesLast, prefilled.conversation.at(-1)]).toEqual([
      true,
      { role: 'assistant', text: '{"a":', thinking: null, calls: [] },
    ]);
    const empty = prompt({ messages: [hi, said([])] });
    expect([empty.continuesLast, empty.conversation]).toEqual([false, [{ role: 'user', text: 'Hi' }]]);
    expect(() => prompt({ messages: [hi, said('So ')] })).toThrow(/not to end with whitespace/);
  });

  test.each([
    [undefined, null],
    [{ type: 'enabled', budget_tokens: 1024 }, true],
    [{ type: 'adaptive', display: 'omitted' }, true],
    [{ type: 'disabled' }, false],
  ])('with thinking %j thinks: %s', (thinking, thinks) => {
    expect(prompt({ messages: [hi], thinking }).thinks).toBe(thinks);
  });
});

describe('thinking that comes back', () => {
  const block = (thinking: string, signature: string): object => ({ type: 'thinking', thinking, signature });

  test('is the model’s own where our signature is on it', () => {
    expect(read(hi, said([block('Hm.', seal.sign('Hm.')), text('Ho')]), hi)[1]).toMatchObject({ thinking: 'Hm.', text: 'Ho' });
  });

  test.each([
    ['another’s', block('Hm.', 'EqQBCgIYAhIM')],
    ['a changed one', block('Hm!', seal.sign('Hm.'))],
    ['one without a signature', { type: 'thinking', thinking: 'Hm.' }],
    ['a redacted one', { type: 'redacted_thinking', data: 'abc' }],
  ])('%s is left out', (_, foreign) => {
    expect(read(hi, said([foreign, text('Ho')]), hi)[1]).toEqual({ role: 'assistant', text: 'Ho', thinking: null, calls: [] });
  });
});

describe('calls and results', () => {
  test('results are put into the order of the calls, and those of several messages too', () => {
    const asked = said([text('I look.'), call('a'), call('b'), call('c')]);
    const ordered = ['a', 'b', 'c'].map((callId) => ({ role: 'tool', callId, text: callId }));
    expect(read(hi, asked, user([result('c'), result('a'), result('b'), text('Go on.')]))).toEqual([
      ...read(hi, asked),
      ...ordered,
      { role: 'user', text: 'Go on.' },
    ]);
    expect(read(hi, asked, user([result('c')]), user([result('b')]), user([result('a')])).slice(2)).toEqual(ordered);
  });

  test('say when they are errors, and what they are made of', () => {
    const results = user([
      result('a', 'broken', { is_error: true }),
      result('b', [text('x'), text('y')]),
      result('c', null, { is_error: false }),
    ]);
    const texts = read(hi, said([call('a'), call('b'), call('c')]), results).slice(2);
    expect(texts.map((message) => message.text)).toEqual(['Error: broken', 'x\ny', '']);
  });

  test('a result of no call is refused by its place', () => {
    expect(() => read(hi, user([result('z')]))).toThrow(/^messages\[1\]\.content\[0\]\.tool_use_id: "z" names no tool_use/);
  });

  test('what the vendor’s own tools did is left out', () => {
    const searched = [
      { type: 'server_tool_use', id: 's', name: 'web_search', input: { query: 'x' } },
      { type: 'web_search_tool_result', tool_use_id: 's', content: [] },
    ];
    expect(read(hi, said([...searched, text('Found.')]), hi)[1]).toMatchObject({ text: 'Found.', calls: [] });
  });

  test.each([
    ['tool_use', () => read(user([call('a')]))],
    ['thinking', () => read(user([{ type: 'thinking', thinking: 'x' }]))],
    ['tool_result', () => read(hi, said([result('a')]))],
  ])('%s of the wrong role is refused', (type, reading) => {
    expect(reading).toThrow(new RegExp(`"${type}" has no place`));
  });
});

describe('tools', () => {
  const offered = (body: object): unknown => prompt({ messages: [hi], ...body }).tools.map(({ name }) => name);
  const choice = (body: object): unknown => prompt({ messages: [hi], ...body }).toolChoice;
  const search = { type: 'web_search_20250305', name: 'web_search', max_uses: 8 };

  test('of the vendor are left out, also where they are asked for', () => {
    expect(offered({ tools: [search, tool('f')] })).toEqual(['f']);
    expect(choice({ tools: [search], tool_choice: { type: 'tool', name: 'web_search' } })).toEqual({ type: 'auto' });
    expect(choice({ tools: [search], tool_choice: { type: 'any' } })).toEqual({ type: 'auto' });
  });

  test.each([
    [{ type: 'auto' }, { type: 'auto' }],
    [{ type: 'any', disable_parallel_tool_use: true }, { type: 'any' }],
    [
      { type: 'tool', name: 'f' },
      { type: 'tool', name: 'f' },
    ],
    [{ type: 'none' }, { type: 'none' }],
  ])('tool_choice %j is %j', (wanted, is) => {
    const read = prompt({ messages: [hi], tools: [tool('f')], tool_choice: wanted });
    expect([read.toolChoice, read.parallelCalls]).toEqual([is, !('disable_parallel_tool_use' in wanted)]);
  });

  test('that there are not cannot be asked for', () => {
    expect(() => choice({ tools: [tool('f')], tool_choice: { type: 'tool', name: 'g' } })).toThrow(
      /tool_choice\.name: there is no tool "g"/,
    );
    expect(() => choice({ tool_choice: { type: 'any' } })).toThrow(/tool_choice: wanted tools beside it/);
  });

  test('that are loaded later are told of where that happens, once, and the beginning stays as it was', () => {
    const tools = [tool('late', { defer_loading: true }), tool('search'), tool('never', { defer_loading: true })];
    const before = prompt({ tools, messages: [hi] });
    const loading = result('a', [{ type: 'tool_reference', tool_name: 'late' }]);
    const after = prompt({ tools, messages: [hi, said([call('a', 'search')]), user([loading]), said('ok'), user('go')] });
    const shown = (read: Prompt): unknown => read.tools.filter(({ isToldLater }) => isToldLater !== true);
    expect(before.tools.map(({ name }) => name)).toEqual(['search']);
    expect(shown(after)).toEqual(shown(before));
    expect(after.tools.map(({ name }) => name)).toEqual(['search', 'late']);
    expect(after.conversation[2]!.text).toMatch(
      /^Tool loaded: late\n<tools>\n\{"type":"function","function":\{"name":"late".*\n<\/tools>$/,
    );
    const twice = prompt({
      tools,
      messages: [
        hi,
        said([call('a', 'search'), call('b', 'search')]),
        user([loading, result('b', [{ type: 'tool_reference', tool_name: 'late' }])]),
      ],
    });
    expect(twice.conversation[3]!.text).toBe('Tool loaded: late');
  });

  test('can be added and taken away in the middle', () => {
    const change = (type: string, changed: object): object => ({ role: 'system', content: [{ type, tool: changed }] });
    const added = change('tool_addition', { type: 'tool_definition', definition: tool('g') });
    const removed = change('tool_removal', { type: 'tool_reference', name: 'f' });
    const read = prompt({ tools: [tool('f')], messages: [hi, added, removed], tool_choice: { type: 'any' } });
    expect(read.tools).toMatchObject([
      { name: 'f', isWithdrawn: true },
      { name: 'g', isToldLater: true },
    ]);
    expect(read.conversation.map(({ text: told }) => told.split('\n')[0])).toEqual(['Hi', 'Tool loaded: g', 'Tool no longer available: f']);
    expect(() => prompt({ tools: [tool('f')], messages: [hi, removed], tool_choice: { type: 'tool', name: 'f' } })).toThrow(
      /there is no tool "f"/,
    );
  });
});
