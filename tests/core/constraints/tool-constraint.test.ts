import { expect, it } from 'vitest';
import { toolConstraint } from '../../../src/core/constraints/tool-constraint.js';
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
