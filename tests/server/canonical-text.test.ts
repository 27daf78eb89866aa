/** What recorded sessions of clients share, in tokens of the starter model: the text its template makes of them, and its tokenizer. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChatTemplate } from '../../src/adapters/chat-template/create-chat-template.js';
import { readToml } from '../../src/adapters/config/read-toml.js';
import { configDirectory } from '../../src/adapters/paths/paths.js';
import { openTokenizer } from '../../src/adapters/tokenizer/open-tokenizer.js';
import { CANONICAL_RULES, type CanonicalRules, canonicalText } from '../../src/core/answers/canonical-rules.js';
import { EmittedAnswers } from '../../src/core/answers/emitted-answers.js';
import { ThinkingSeal } from '../../src/core/answers/thinking-seal.js';
import { toTemplateInput } from '../../src/core/answers/to-chat-messages.js';
import { commonPrefix } from '../../src/core/domain/common-prefix.js';
import type { ChatTemplate, Tokenizer } from '../../src/core/ports.js';
import { messagesSchema } from '../../src/server/messages/schema.js';
import { toPrompt } from '../../src/server/messages/to-conversation.js';
import { starterModelFile } from '../support/starter-model.js';
import { type RecordedRequest, recordedRequest } from '../support/wire.js';

type Body = RecordedRequest['body'];
type Rules = CanonicalRules;

const shipped = new Map(readToml(`${configDirectory()}/default.toml`, { required: true }).map(({ key, value }) => [key, value]));
const DEFAULTS = Object.fromEntries(CANONICAL_RULES.map((name) => [name, shipped.get(`canonical.${name}`) === true])) as Rules;
const claude = (name: string): Body => recordedRequest('/v1/messages', name).body;

let tokenizer: Tokenizer;
let template: ChatTemplate;
beforeAll(async () => {
  const opened = await openTokenizer(starterModelFile());
  tokenizer = opened.tokenizer;
  template = await createChatTemplate(opened.chatTemplate, 10_000);
});
afterAll(() => template.close());

async function tokensOf(body: Body, rules: Rules): Promise<{ readonly ids: Int32Array; readonly applied: readonly string[] }> {
  const { conversation, tools } = toPrompt(messagesSchema.parse(body), new ThinkingSeal(new Uint8Array(32)));
  const offered = tools.filter(({ isToldLater }) => isToldLater !== true);
  const text = canonicalText({ conversation, tools: offered }, rules);
  const { messages } = toTemplateInput(
    text.conversation,
    text.tools,
    { knowsTools: false },
    new EmittedAnswers({ most: 1, records: null, model: '' }),
  );
  const rendered = await template.render({ messages, addGenerationPrompt: true });
  return { ids: tokenizer.encode(rendered, { addSpecialTokens: false }), applied: text.applied };
}

/** Of the longer prompt of the two. */
async function sharedPart(a: Body, b: Body, rules: Rules): Promise<number> {
  const [one, other] = [await tokensOf(a, rules), await tokensOf(b, rules)];
  return commonPrefix(one.ids, other.ids) / Math.max(one.ids.length, other.ids.length);
}

/**
 * The recorded sessions were of a folder each. Only one part of the first prompt names it, the last block of the system prompt; a session
 * in the folder of another has that of the other.
 */
function inFolderOf(session: Body, other: Body): Body {
  const [billing, identity] = session['system'] as readonly object[];
  return { ...session, system: [billing, identity, (other['system'] as readonly object[])[2]] };
}

describe('two sessions of Claude Code in one folder', () => {
  const first = claude('cc-3proc/001');
  const others = ['cc-tool/001', 'cc-agents/001', 'cc-toolsearch/001'].map((name) => inFolderOf(claude(name), first));

  test('share at least 80 % of their first prompt', async () => {
    for (const other of others) expect(await sharedPart(first, other, DEFAULTS)).toBeGreaterThan(0.8);
    expect((await tokensOf(first, DEFAULTS)).applied).toEqual(['billing_line', 'early_system']);
  });

  test('share nothing where the line stays that differs in every session', async () => {
    for (const other of others) expect(await sharedPart(first, other, { ...DEFAULTS, billing_line: false })).toBeLessThan(0.01);
  });

  test('read the environment again, which stands behind the question, where that does not join the system prompt', async () => {
    for (const other of others) {
      const share = await sharedPart(first, other, { ...DEFAULTS, early_system: false });
      expect(share).toBeGreaterThan(0.7);
      expect(share).toBeLessThan(0.81);
    }
  });
});

describe('turns of one session', () => {
  test.each([
    ['cc-3proc/001', 'cc-3proc/002'],
    ['cc-3proc/002', 'cc-3proc/003'],
    ['cc-agents/001', 'cc-agents/004'],
    ['cc-tool/001', 'cc-tool/002'],
    ['cc-bare-read/001', 'cc-bare-read/002'],
  ])('all of %s is the start of %s', async (before, after) => {
    const [one, two] = [await tokensOf(claude(before), DEFAULTS), await tokensOf(claude(after), DEFAULTS)];
    expect(commonPrefix(one.ids, two.ids)).toBe(one.ids.length);
  });

  test('a text as a string or as blocks, with or without cache markers and ids, is the same prompt', async () => {
    const body = claude('cc-tool/002');
    const bare = JSON.parse(
      JSON.stringify(body, (key: string, value: unknown) => {
        if (key === 'cache_control') return undefined;
        const [only, ...rest] = Array.isArray(value) ? (value as readonly { readonly type?: string; readonly text?: string }[]) : [];
        return key === 'content' && rest.length === 0 && only?.type === 'text' ? only.text : value;
      }),
    ) as Body;
    expect(JSON.stringify(bare)).not.toBe(JSON.stringify(body));
    expect((await tokensOf(bare, DEFAULTS)).ids).toEqual((await tokensOf(body, DEFAULTS)).ids);
  });
});

test('docs/canonical-text.md lists every rule, with what it is by default', () => {
  const page = readFileSync(new URL('../../docs/canonical-text.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` \| (on|off) \|/gm)].map(([, name, state]) => [name, state === 'on']);
  expect(Object.fromEntries(rows)).toEqual(DEFAULTS);
});
