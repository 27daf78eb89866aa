import { expect, it } from 'vitest';
import { strictConstraint, toolConstraint } from '../../../src/core/constraints/tool-constraint.js';
import { accepts, automatonOf, HERMES } from './support.js';

const TOOLS = [
  { name: 'get_weather', parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'], $defs: {} } },
  { name: 'now', parameters: {} },
  { name: 'tree', parameters: { $ref: '#/$defs/n', $defs: { n: { type: 'object', properties: { n: { $ref: '#/$defs/n' } } } } } },
];
const LIST = { open: '[', before: '{"name":"', between: '","arguments":', after: '}', separator: ', ', close: ']' };

const call = (name: string, given: unknown): string =>
  `<tool_call>\n{"name": "${name}", "arguments": ${JSON.stringify(given)}}\n</tool_call>`;

it('any of the tools may be called, with arguments valid against its own schema', () => {
  const automaton = automatonOf(toolConstraint(TOOLS, 'required', HERMES, false));
  expect(accepts(automaton, call('get_weather', { city: 'Oslo' }))).toBe(true);
  expect(accepts(automaton, call('now', { any: ['thing'] }))).toBe(true);
  expect(accepts(automaton, call('tree', { n: { n: {} } }))).toBe(true);
  expect(accepts(automaton, call('get_weather', { n: {} }))).toBe(false);
  expect(accepts(automaton, call('other', {}))).toBe(false);
  expect(accepts(automaton, 'Oslo is cold.')).toBe(false);
  expect(accepts(automaton, `${call('now', {})}\n${call('now', {})}`)).toBe(false);
});

it('a tool that is named is the only one', () => {
  const automaton = automatonOf(toolConstraint(TOOLS, { name: 'now' }, HERMES, false));
  expect(accepts(automaton, call('now', {}))).toBe(true);
  expect(accepts(automaton, call('get_weather', { city: 'Oslo' }))).toBe(false);
});

it('parallel calls are separated and enclosed as the family writes them', () => {
  const automaton = automatonOf(toolConstraint(TOOLS, 'required', LIST, true));
  expect(accepts(automaton, '[{"name":"now","arguments":{}}]')).toBe(true);
  expect(accepts(automaton, '[{"name":"now","arguments":{}}, {"name":"get_weather","arguments":{"city":"x"}}]')).toBe(true);
  expect(accepts(automaton, '[{"name":"now","arguments":{}},]')).toBe(false);
  expect(accepts(automaton, '[]')).toBe(false);
});

it('a tool that is not there is refused by name', () => {
  expect(() => toolConstraint(TOOLS, { name: 'fly' }, HERMES, false)).toThrow(
    'tool_choice: wanted the tool "fly", got "get_weather", "now", "tree"',
  );
  expect(() => toolConstraint([], 'required', HERMES, false)).toThrow('tool_choice: wanted a tool, got none');
});

it('what is wrong with a schema names the tool', () => {
  const tools = [{ name: 'bad', parameters: { type: 'object', properties: { a: { not: {} } } } }];
  expect(() => automatonOf(toolConstraint(tools, 'required', HERMES, false))).toThrow(
    'tool "bad" #/properties/a/not: keyword "not" is not supported',
  );
});

const MARKED = { mark: '<tool_call>', before: '\n{"name": "', between: '", "arguments": ', after: '}\n</tool_call>' };
const CHOSEN = TOOLS.map((tool) => ({ ...tool, isStrict: tool.name === 'get_weather' }));

it.each([
  ['text alone', 'Oslo is <b>cold</b>, 1 < 2, <tool_cal', true],
  ['nothing', '', true],
  ['a call of a strict tool that fits its schema', call('get_weather', { city: 'Oslo' }), true],
  ['text before it', `I look it up.\n${call('get_weather', { city: 'Oslo' })}`, true],
  ['text that looks like the mark before it', `<<tool_call${call('get_weather', { city: 'Oslo' })}`, true],
  ['two, and text between and behind them', `${call('now', {})} and ${call('get_weather', { city: 'x' })}\nDone.`, true],
  ['a call of another tool with any object', call('tree', { n: 1, more: [] }), true],
  ['a call of a strict tool that does not fit', call('get_weather', { town: 'Oslo' }), false],
  ['a call of a tool that there is not', call('fly', {}), false],
  ['a call without its end', '<tool_call>\n{"name": "now", "arguments": {}}', false],
  ['a mark and no call', 'It writes <tool_call> and goes on.', false],
])('strict tools, chosen by the model: %s', (_, text, isRight) => {
  expect(accepts(automatonOf(strictConstraint(CHOSEN, MARKED, true)), text)).toBe(isRight);
});

it('strict tools, one call at most where no more are wanted', () => {
  const automaton = automatonOf(strictConstraint(CHOSEN, MARKED, false));
  expect(accepts(automaton, `Well. ${call('now', {})} So.`)).toBe(true);
  expect(accepts(automaton, `${call('now', {})}${call('now', {})}`)).toBe(false);
});
