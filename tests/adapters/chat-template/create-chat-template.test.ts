import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { createChatTemplate } from '../../../src/adapters/chat-template/create-chat-template.js';
import type { ChatMessage, ChatTemplate, ChatTemplateInput } from '../../../src/core/ports.js';
import { rejection } from '../../rejection.js';

const LIMIT_MS = 5_000;
const HI: readonly ChatMessage[] = [{ role: 'user', content: 'hi' }];
const opened: ChatTemplate[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((template) => template.close()));
});

async function create(text: string, limitMs = LIMIT_MS, toolUse: string | null = null): Promise<ChatTemplate> {
  const template = await createChatTemplate({ templates: { default: text, toolUse }, namedTokens: { bos_token: '<s>' } }, limitMs);
  opened.push(template);
  return template;
}

const render = async (text: string, input: Partial<ChatTemplateInput> = {}) =>
  (await create(text)).render({ messages: HI, addGenerationPrompt: true, ...input });

const rejectedAs = (error: unknown): string => (error as { readonly code: string }).code;

/** Takes longer than any test, within the sandbox's limit on range(). */
const ENDLESS = '{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}';

describe('a chat template', () => {
  it('sees the variables that transformers gives it', async () => {
    const text =
      '{{ bos_token }}|{{ messages[0].content }}|{{ tools is none }}|{{ documents is none }}|{{ add_generation_prompt }}|{{ eos_token is defined }}';
    expect(await render(text)).toBe('<s>|hi|True|True|True|False');
  });

  it('sees extra variables, which take the place of named tokens', async () => {
    expect(await render('{{ bos_token }}{{ enable_thinking }}', { variables: { bos_token: 'B', enable_thinking: false } })).toBe('BFalse');
  });

  it.each(['process', 'globalThis', 'require', 'environ', 'this', 'constructor'])(
    'sees nothing of the process by the name %s',
    async (name) => {
      expect(await render(`[{{ ${name} }}]`)).toBe('[]');
    },
  );

  it.each([
    "''.constructor.constructor('return process')().env",
    "messages.constructor.constructor('return process')()",
    "messages[0]['__proto__'].constructor('return process')()",
    "raise_exception.constructor('return process')()",
    "range.__globals__['os']",
  ])('comes by no attribute to what JavaScript has: %s', async (expression) => {
    const outcome = await render(`[{{ ${expression} }}]`).catch(rejectedAs);
    expect(['TemplateFailed', '[]']).toContain(outcome);
  });

  it('uses the template for tools where tools are given', async () => {
    const template = await create('plain', LIMIT_MS, 'tools: {{ tools | length }}');
    expect(await template.render({ messages: HI, addGenerationPrompt: true })).toBe('plain');
    expect(await template.render({ messages: HI, tools: [{}], addGenerationPrompt: true })).toBe('tools: 1');
  });

  it('leaves keys without a value out and finds reasoning under the usual names', async () => {
    const messages = [{ role: 'assistant', content: null, reasoning: 'hm' }];
    expect(await render('{{ messages[0] | tojson }}', { messages })).toBe(
      '{"thinking": "hm", "role": "assistant", "reasoning": "hm", "reasoning_content": "hm"}',
    );
  });

  it('has tojson without HTML escapes, loop controls, namespaces, macros and strftime_now', async () => {
    const text = `{%- set ns = namespace(n=0) -%}{%- macro twice(x) -%}{{ x }}{{ x }}{%- endmacro -%}
      {%- for i in range(9) -%}{%- if i == 1 -%}{%- continue -%}{%- elif i == 4 -%}{%- break -%}{%- endif -%}{%- set ns.n = ns.n + i -%}{%- endfor -%}
      {{- ns.n }} {{ twice("ab") }} {{ {"a": "<&'\u00e9>", "b": [1, none, true]} | tojson }} {{ strftime_now("%Y") }}`;
    expect(await render(text)).toBe(`5 abab {"a": "<&'\u00e9>", "b": [1, null, true]} ${new Date().getFullYear()}`);
  });

  it('prints and compares values as Python does', async () => {
    const text = `{{ none }} {{ true }} {{ [1, 'a', "it's", none] }} {{ {'k': false} }} {{ 1 ~ none ~ 'x' }} {{ '1' == 1 }} {{ missing == none }} {{ [1, [2]] == [1, [2]] }} {{ missing | trim }}|{{ missing | length }} {{ '--a-'.strip('-') }} {{ 'xa b '.lstrip('x') }}|`;
    expect(await render(text)).toBe(`None True [1, 'a', "it's", None] {'k': False} 1Nonex False False True |0 a a b |`);
  });

  it('renders the same text every time, also while others wait', async () => {
    const template = await create('{{ messages | tojson }}');
    const inputs = Array.from({ length: 20 }, (_, i) => ({
      messages: [{ role: 'user', content: `${i % 2}` }],
      addGenerationPrompt: false,
    }));
    const texts = await Promise.all(inputs.map((input) => template.render(input)));
    expect(new Set(texts.filter((_, i) => i % 2 === 0)).size).toBe(1);
    expect(texts[0]).not.toBe(texts[1]);
  });

  it('renders a conversation of 10 MB', async () => {
    const content = 'x'.repeat(10_000_000);
    expect((await render('{{ messages[0].content }}!', { messages: [{ role: 'user', content }] })).length).toBe(10_000_001);
  });
});

describe('a chat template that goes wrong', () => {
  it('rejects with its own message when it raises an exception', async () => {
    const error = await rejection(render('{{ raise_exception("roles must alternate") }}'));
    expect(error).toMatchObject({ code: 'TemplateFailed', status: 400, message: expect.stringContaining('roles must alternate') });
  });

  it('rejects an empty conversation', async () => {
    expect(await rejection(render('x', { messages: [] }))).toMatchObject({
      code: 'TemplateFailed',
      message: expect.stringContaining('at least one message'),
    });
  });

  it('is stopped at its time limit without holding up the event loop, and the next render works', async () => {
    const template = await create(`{% if messages[0].content == "loop" %}${ENDLESS}{% endif %}done`, 300);
    let ticks = 0;
    const ticker = setInterval(() => ticks++, 5);
    const slow = template.render({ messages: [{ role: 'user', content: 'loop' }], addGenerationPrompt: true });
    const next = template.render({ messages: HI, addGenerationPrompt: true });
    expect(await rejection(slow)).toMatchObject({ code: 'TemplateFailed', message: expect.stringContaining('longer than 300 ms') });
    clearInterval(ticker);
    expect(ticks).toBeGreaterThan(5);
    expect(await next).toBe('done');
  });

  it('refuses a range that is too big at once', async () => {
    const error = await rejection(render('{% for i in range(3000000) %}{% endfor %}'));
    expect(error).toMatchObject({ code: 'TemplateFailed', message: expect.stringContaining('wanted at most 100000') });
  });

  it('is stopped when it takes too much memory, and the next render works', async () => {
    const grow =
      '{% set ns = namespace(l=range(100000), all=[]) %}{% for i in range(100000) %}{% set ns.all = [ns.all, ns.l + [i]] %}{% endfor %}';
    const template = await create(`{% if messages[0].content == "grow" %}${grow}{% endif %}done`, 60_000);
    const error = await rejection(template.render({ messages: [{ role: 'user', content: 'grow' }], addGenerationPrompt: true }));
    expect(error).toMatchObject({ code: 'TemplateFailed', message: expect.stringContaining('memory') });
    expect(await template.render({ messages: HI, addGenerationPrompt: true })).toBe('done');
  });

  it.each([
    [
      'a list that doubles',
      '{% set ns = namespace(x=[1]) %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
      'list items',
    ],
    [
      'a text that doubles',
      '{% set ns = namespace(x="a") %}{% for i in range(40) %}{% set ns.x = ns.x + ns.x %}{% endfor %}',
      'characters of text',
    ],
    [
      'a joined text',
      '{% set ns = namespace(x="a") %}{% for i in range(40) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}',
      'characters of text',
    ],
    [
      'a replacement',
      '{% set ns = namespace(x="aa") %}{% for i in range(40) %}{% set ns.x = ns.x.replace("a", ns.x) %}{% endfor %}',
      'characters of text',
    ],
    [
      'a replacing filter',
      '{% set ns = namespace(x="aa") %}{% for i in range(40) %}{% set ns.x = ns.x | replace("a", ns.x) %}{% endfor %}',
      'characters of text',
    ],
    [
      'a join',
      '{% set ns = namespace(x="aa") %}{% for i in range(40) %}{% set ns.x = range(9) | join(ns.x) %}{% endfor %}',
      'characters of text',
    ],
    ['an output without end', '{% for i in range(100000) %}{{ "%s" ~ messages[0].content }}{% endfor %}', 'characters of text'],
  ])('refuses %s before it is too big for the process', async (_, text, unit) => {
    const messages = [{ role: 'user', content: 'x'.repeat(1000) }];
    expect(await rejection(render(text, { messages }))).toMatchObject({ code: 'TemplateFailed', message: expect.stringContaining(unit) });
  });

  it('survives endless recursion', async () => {
    const template = await create('{% macro f() %}{{ f() }}{% endmacro %}{% if messages[0].content == "deep" %}{{ f() }}{% endif %}done');
    expect(await rejection(template.render({ messages: [{ role: 'user', content: 'deep' }], addGenerationPrompt: true }))).toMatchObject({
      code: 'TemplateFailed',
    });
    expect(await template.render({ messages: HI, addGenerationPrompt: true })).toBe('done');
  });

  it('refuses values that cannot be sent to the renderer', async () => {
    expect(await rejection(render('x', { variables: { f: () => 1 } }))).toMatchObject({ code: 'TemplateFailed' });
  });

  it('is refused when the model is opened if it cannot be parsed', async () => {
    expect(await rejection(create('{% for m in messages %}never closed'))).toMatchObject({
      code: 'ModelUnsupported',
      message: expect.stringContaining('cannot be parsed'),
    });
  });

  it('says that the model has none', async () => {
    const template = await createChatTemplate({ templates: null, namedTokens: {} }, LIMIT_MS);
    expect(await rejection(template.render({ messages: HI, addGenerationPrompt: true }))).toMatchObject({
      code: 'TemplateFailed',
      message: expect.stringContaining('has none'),
    });
    await template.close();
  });

  it('rejects what is still waiting when it is closed, and everything after', async () => {
    const template = await create(ENDLESS);
    const waiting = rejection(template.render({ messages: HI, addGenerationPrompt: true }));
    await sleep(50);
    await template.close();
    expect(await waiting).toMatchObject({ code: 'TemplateFailed' });
    expect(await rejection(template.render({ messages: HI, addGenerationPrompt: true }))).toMatchObject({ code: 'TemplateFailed' });
  });
});
