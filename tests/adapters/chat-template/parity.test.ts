import { readFileSync, readdirSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createChatTemplate } from '../../../src/adapters/chat-template/create-chat-template.js';
import type { ChatMessage, ChatTemplateInput } from '../../../src/core/ports.js';
import { rejection } from '../../rejection.js';

/** `raised`: the template's own raise_exception; `failed`: anything else that Python refused. */
type Render = { readonly text: string } | { readonly raised: string } | { readonly failed: string };

interface Fixture {
  readonly tokens: Readonly<Record<string, string>>;
  readonly conversations: Readonly<
    Record<string, { readonly messages: readonly ChatMessage[]; readonly options: Readonly<Record<string, unknown>> }>
  >;
  readonly renders: Readonly<Record<string, Readonly<Record<string, Render>>>>;
}

/** The variables point the suite at any other folder that generate_templates.py rendered. */
const FOLDER = new URL(process.env['TEMPLATE_FOLDER'] ?? '../../fixtures/tokenizers/templates/', import.meta.url);
const fixture = JSON.parse(
  gunzipSync(
    readFileSync(new URL(process.env['TEMPLATE_FIXTURE'] ?? '../../fixtures/tokenizers/templates.expected.json.gz', import.meta.url)),
  ).toString(),
) as Fixture;

describe('chat templates render as in transformers', () => {
  it('covers every template of the folder', () => {
    const files = readdirSync(FOLDER)
      .filter((name) => name.endsWith('.jinja'))
      .map((name) => name.replace('.jinja', ''));
    expect(Object.keys(fixture.renders).sort()).toEqual(files.sort());
  });

  it.each(Object.entries(fixture.renders))('%s', async (name, renders) => {
    const text = readFileSync(new URL(`${name}.jinja`, FOLDER), 'utf8');
    const template = await createChatTemplate({ templates: { default: text, toolUse: null }, namedTokens: fixture.tokens }, 10_000);
    const got: Record<string, string> = {};
    const wanted: Record<string, unknown> = {};
    for (const [conversation, expected] of Object.entries(renders)) {
      if ('failed' in expected) continue; // what Python chokes on may render here
      const rendering = template.render(toInput(fixture.conversations[conversation]!));
      got[conversation] = 'text' in expected ? await rendering : (await rejection(rendering)).message;
      wanted[conversation] = 'text' in expected ? today(expected.text) : expect.stringContaining(expected.raised);
    }
    expect(got).toEqual(wanted);
    await template.close();
  });
});

function toInput({ messages, options }: Fixture['conversations'][string]): ChatTemplateInput {
  const { add_generation_prompt: prompt, tools, ...variables } = options;
  return { messages, addGenerationPrompt: prompt !== false, variables, ...(Array.isArray(tools) ? { tools } : {}) };
}

/** The fixture was rendered on the last day of 1999. */
function today(text: string): string {
  const now = new Date();
  const month = now.toLocaleDateString('en-US', { month: 'long' });
  const [year, day] = [String(now.getFullYear()), String(now.getDate()).padStart(2, '0')];
  return text
    .replaceAll('1999-12-31', `${year}-${String(now.getMonth() + 1).padStart(2, '0')}-${day}`)
    .replaceAll('December 31, 1999', `${month} ${day}, ${year}`)
    .replaceAll('31 December 1999', `${day} ${month} ${year}`)
    .replaceAll('31 Dec 1999', `${day} ${month.slice(0, 3)} ${year}`)
    .replaceAll('31 1999', `${day} ${year}`);
}
