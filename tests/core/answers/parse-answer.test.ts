/** Whatever the pieces in which an answer comes, the same text, thinking and calls come out of it, and nothing is lost. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AnswerEvent } from '../../../src/core/answers/answer-event.js';
import { type AnswerFormat, answerFormatOf, type ToolSyntax } from '../../../src/core/answers/answer-format.js';
import { AnswerParser } from '../../../src/core/answers/parse-answer.js';

const TOOLS = new Set(['weather', 'get_time', 'a.b']);
const THINK = { open: '<think>', close: '</think>' };

function formatOf(tools: ToolSyntax): AnswerFormat {
  return { tools, thinking: tools === 'harmony' ? null : THINK, keepsSpecialTokens: true };
}

interface Said {
  text: string;
  thinking: string;
  readonly calls: { name: string; json: string; isOver: boolean }[];
}

function gather(events: readonly AnswerEvent[]): Said {
  const said: Said = { text: '', thinking: '', calls: [] };
  for (const event of events) {
    if (event.type === 'text') said.text += event.text;
    else if (event.type === 'thinking') said.thinking += event.text;
    else if (event.type === 'call') {
      expect(event.index).toBe(said.calls.length);
      said.calls.push({ name: event.name, json: '', isOver: false });
    } else {
      const call = said.calls[event.index]!;
      expect(call.isOver).toBe(false);
      if (event.type === 'arguments') call.json += event.json;
      else call.isOver = true;
    }
  }
  return said;
}

function parse(tools: ToolSyntax, pieces: readonly string[], startsThinking = false, names: ReadonlySet<string> = TOOLS): Said {
  const parser = new AnswerParser({ format: formatOf(tools), toolNames: names, startsThinking });
  return gather([...pieces.flatMap((piece) => parser.push(piece)), ...parser.end()]);
}

const call = (name: string, json: string): Said['calls'][number] => ({ name, json, isOver: true });

const CASES: readonly [ToolSyntax, string, Partial<Said>][] = [
  ['hermes', 'Just text, with < and <tool', { text: 'Just text, with < and <tool' }],
  [
    'hermes',
    'Let me look.\n<tool_call>\n{"name": "weather", "arguments": {"city": "Bern <tool_call>"}}\n</tool_call>\n<tool_call>\n{"arguments": {"n": [1, 2.5e3]}, "name": "get_time"}\n</tool_call>',
    { text: 'Let me look.', calls: [call('weather', '{"city": "Bern <tool_call>"}'), call('get_time', '{"n": [1, 2.5e3]}')] },
  ],
  ['hermes', '<tool_call>{"name": "weather"}\n</tool_', { text: '', calls: [call('weather', '{}')] }],
  ['hermes', '<tool_call>{"name": "weather"}</tool_call> done', { text: 'done', calls: [call('weather', '{}')] }],
  [
    'hermes',
    '<tool_call>{"name": "weather", "arguments": "{\\"city\\": \\"Bern\\"}"}</tool_call>',
    { calls: [call('weather', '{"city": "Bern"}')] },
  ],
  ['hermes', 'so \n<tool_call>weather in Bern</tool_call>', { text: 'so \n<tool_call>weather in Bern</tool_call>' }],
  ['hermes', '<tool_call>{"city": 1}</tool_call>', { text: '<tool_call>{"city": 1}</tool_call>' }],
  ['hermes', '<tool_call>{"name": 7}', { text: '<tool_call>{"name": 7}' }],
  ['hermes', '<tool_call>{"name": "weather", "arguments": {"city": "Be', { calls: [call('weather', '{"city": "Be')] }],
  ['hermes', '<tool_call>{"name": "weather", "arguments": {"x": 1}, oops', { text: 'oops', calls: [call('weather', '{"x": 1}')] }],
  ['hermes', '<think>\nhm <tool_call></think>\n\nYes.', { text: 'Yes.', thinking: 'hm <tool_call>' }],
  ['llama', '{"name": "weather", "parameters": {"city": "Bern"}}', { calls: [call('weather', '{"city": "Bern"}')] }],
  [
    'llama',
    '<|python_tag|>{"name": "weather", "parameters": {}}; {"name": "get_time", "parameters": {"a": null}}',
    { calls: [call('weather', '{}'), call('get_time', '{"a": null}')] },
  ],
  ['llama', '{"name": "nobody", "parameters": {}}', { text: '{"name": "nobody", "parameters": {}}' }],
  ['llama', ' {"a": 1} is JSON', { text: ' {"a": 1} is JSON' }],
  [
    'llama',
    `[weather(city='B"ern', days=3, deep={'a': [True, None]}), get_time()]`,
    { calls: [call('weather', '{"city": "B\\"ern", "days": 3, "deep": {"a": [true, null]}}'), call('get_time', '{}')] },
  ],
  ['pythonic', '[weather(city)]', { text: '[weather(city)]' }],
  ['pythonic', '[nobody(a=1)]', { text: '[nobody(a=1)]' }],
  ['pythonic', '[1, 2]', { text: '[1, 2]' }],
  [
    'mistral',
    'Ok.[TOOL_CALLS][{"name": "weather", "arguments": {"city": "Bern"}}, {"name": "a.b", "arguments": {}}]',
    { text: 'Ok.', calls: [call('weather', '{"city": "Bern"}'), call('a.b', '{}')] },
  ],
  [
    'mistral',
    '[TOOL_CALLS]weather[CALL_ID]abc123XYZ[ARGS]{"city": "Bern"}[TOOL_CALLS]get_time[ARGS]{}',
    { calls: [call('weather', '{"city": "Bern"}'), call('get_time', '{}')] },
  ],
  ['mistral', '[TOOL_CALLS] nothing', { text: '[TOOL_CALLS] nothing' }],
  ['gemma', 'I look.\n```tool_code\nprint(weather(city="Bern"))\n```\n', { text: 'I look.', calls: [call('weather', '{"city": "Bern"}')] }],
  ['gemma', '```json\n{"name": "weather", "parameters": {"a": 1}}\n```', { calls: [call('weather', '{"a": 1}')] }],
  ['gemma', 'See\n```json\n{"a": 1}\n```\nright?', { text: 'See\n```json\n{"a": 1}\n```\nright?' }],
  ['gemma', '```tool_code\nx = 1', { text: '```tool_code\nx = 1' }],
  [
    'harmony',
    '<|channel|>analysis<|message|>We need it.<|end|><|start|>assistant<|channel|>commentary to=functions.weather <|constrain|>json<|message|>{"city":"Bern"}<|call|>',
    { thinking: 'We need it.', calls: [call('weather', '{"city":"Bern"}')] },
  ],
  [
    'harmony',
    '<|channel|>analysis<|message|>x<|end|><|start|>assistant to=functions.get_time<|channel|>commentary json<|message|>{}<|call|>',
    { thinking: 'x', calls: [call('get_time', '{}')] },
  ],
  ['harmony', '<|channel|>final<|message|>It is 3 < 4.<|return|>', { text: 'It is 3 < 4.' }],
  ['json', '{"name": "weather", "arguments": {"city": "Bern"}}', { calls: [call('weather', '{"city": "Bern"}')] }],
  ['json', '[{"name": "weather", "arguments": {}}, {"name": "get_time"}]', { calls: [call('weather', '{}'), call('get_time', '{}')] }],
  ['json', '```json\n[{"name": "weather", "arguments": {}}]\n```', { calls: [call('weather', '{}')] }],
];

describe('an answer', () => {
  test.each(CASES)('in %s: %s', (tools, answer, said) => {
    expect(parse(tools, [answer])).toEqual({ text: '', thinking: '', calls: [], ...said });
  });

  test.each(CASES)('in %s is told apart the same way wherever it is cut: %s', (tools, answer) => {
    const whole = parse(tools, [answer]);
    expect(parse(tools, [...answer])).toEqual(whole);
    for (let at = 1; at < answer.length; at++) expect(parse(tools, [answer.slice(0, at), answer.slice(at)])).toEqual(whole);
  });

  test('lets arguments out as they come', () => {
    const parser = new AnswerParser({ format: formatOf('hermes'), toolNames: TOOLS, startsThinking: false });
    const events = ['<tool_call>{"name": "weather", "argu', 'ments": {"ci', 'ty": "B', 'ern"}}</tool_', 'call>'].map((piece) =>
      parser.push(piece),
    );
    expect(events).toEqual([
      [{ type: 'call', index: 0, name: 'weather' }],
      [{ type: 'arguments', index: 0, json: '{"ci' }],
      [{ type: 'arguments', index: 0, json: 'ty": "B' }],
      [
        { type: 'arguments', index: 0, json: 'ern"}' },
        { type: 'call_end', index: 0 },
      ],
      [],
    ]);
  });

  test('lets text out at once where it cannot become a mark', () => {
    const parser = new AnswerParser({ format: formatOf('hermes'), toolNames: TOOLS, startsThinking: false });
    expect(parser.push('a <to')).toEqual([{ type: 'text', text: 'a' }]);
    expect(parser.push('ad> b')).toEqual([{ type: 'text', text: ' <toad> b' }]);
  });

  test('goes on thinking where the prompt began to', () => {
    expect(parse('hermes', ['\nhm', 'm</thi', 'nk>\nYes'], true)).toEqual({ text: 'Yes', thinking: 'hmm', calls: [] });
  });

  test('has no calls where there are no tools', () => {
    const answer = '<tool_call>{"name": "weather", "arguments": {}}</tool_call>';
    expect(parse('hermes', [answer], false, new Set())).toEqual({ text: answer, thinking: '', calls: [] });
  });

  test('of any characters loses none, in any pieces, and half a mark is never text on its own', () => {
    const bits = [
      '<tool_call>',
      '</tool_call>',
      '{"name": "weather", ',
      '"arguments": {',
      '"a": [1',
      '}}',
      '}',
      ']',
      '"',
      ' ',
      '\n',
      'x',
      '[',
      'weather(',
      ')',
      '```json',
      '```',
      '<think>',
      '</think>',
      '[TOOL_CALLS]',
      '[ARGS]',
      '<|channel|>',
      '<|message|>',
      'to=functions.f',
    ];
    const syntaxes = fc.constantFrom<ToolSyntax>('hermes', 'llama', 'pythonic', 'mistral', 'gemma', 'harmony', 'json');
    const answers = fc.array(fc.oneof(fc.constantFrom(...bits), fc.string({ maxLength: 3 })), { maxLength: 14 });
    fc.assert(
      fc.property(syntaxes, answers, fc.array(fc.nat(200), { maxLength: 6 }), (tools, parts, cuts) => {
        const answer = parts.join('');
        const places = [...new Set([0, ...cuts.map((cut) => cut % (answer.length + 1)), answer.length])].sort((a, b) => a - b);
        const pieces = places.slice(1).map((end, i) => answer.slice(places[i], end));
        const whole = parse(tools, [answer]);
        expect(parse(tools, pieces)).toEqual(whole);
        for (const { isOver } of whole.calls) expect(isOver).toBe(true);
        if (tools === 'harmony' || whole.calls.length > 0 || answer.includes('think>')) return;
        expect(whole.text).toBe(answer); // no call: all of it is text
      }),
      { numRuns: 1500 },
    );
  });
});

test.each([
  ["{{ '<tool_call>' }}", 'hermes'],
  ["{{ '[TOOL_CALLS]' }}", 'mistral'],
  ["{{ '<|start|>assistant<|channel|>' }}", 'harmony'],
  ["{{ '<|start_header_id|>' }}{{ '<|python_tag|>' }}", 'llama'],
  ["{{ '<start_of_turn>' }}", 'gemma'],
  ["{{ '<|im_start|>' }}", 'json'],
])('a template that writes %s is answered in %s', (template, tools) => {
  expect(answerFormatOf(template).tools).toBe(tools);
});
