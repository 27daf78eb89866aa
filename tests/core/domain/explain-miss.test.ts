/** Prompts are rendered by a published template and encoded by real tokenizers. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createChatTemplate } from '../../../src/adapters/chat-template/create-chat-template.js';
import { openTokenizer } from '../../../src/adapters/tokenizer/open-tokenizer.js';
import { MISS_CAUSES } from '../../../src/core/domain/cache-report.js';
import { commonPrefix } from '../../../src/core/domain/common-prefix.js';
import { explainMiss, type KnownPrompt, type LossCause, type MissQuestion } from '../../../src/core/domain/explain-miss.js';
import { digestOf } from '../../../src/core/domain/prompt-digest.js';
import { sha256 } from '../../../src/core/engine/sha256.js';
import type { ChatMessage, ChatTemplate, Tokenizer } from '../../../src/core/ports.js';
import { ModelFolder, unzip } from '../../adapters/tokenizer/fixtures.js';

const folder = new ModelFolder();
let tokenizer: Tokenizer;
let byteFallback: Tokenizer;
let template: ChatTemplate;
beforeAll(async () => {
  const open = async (name: string): Promise<Tokenizer> =>
    (await openTokenizer(folder.write(`${name}.gguf`, unzip(`${name}.gguf.gz`)))).tokenizer;
  tokenizer = await open('qwen2');
  byteFallback = await open('llama2');
  const text = readFileSync(new URL('../../fixtures/tokenizers/templates/qwen2.5.jinja', import.meta.url), 'utf8');
  template = await createChatTemplate({ templates: { default: text, toolUse: null }, namedTokens: {} }, 10_000);
});
afterAll(async () => {
  folder.remove();
  await template.close();
});

const SYSTEM = { role: 'system', content: 'You are a careful assistant who answers in one short sentence.' };
const ASK = { role: 'user', content: 'Where is the lighthouse, and who keeps it when the winter comes?' };
const ANSWER = { role: 'assistant', content: 'It stands on the northern cliff, and the old Morrow keeps it.' };
const NEXT = { role: 'user', content: 'And in summer?' };
const TOOLS = ['read_file', 'write_file'].map((name) => ({
  type: 'function',
  function: { name, description: `Does ${name}`, parameters: { type: 'object', properties: { path: { type: 'string' } } } },
}));

const encode = (text: string): Int32Array => tokenizer.encode(text, { addSpecialTokens: false });
const decode = (ids: Int32Array): string => tokenizer.decode(ids, { skipSpecialTokens: false });

async function prompt(messages: readonly ChatMessage[], tools: readonly unknown[] = [], fingerprint = 'model'): Promise<KnownPrompt> {
  const text = await template.render({ messages, ...(tools.length > 0 ? { tools } : {}), addGenerationPrompt: true });
  return { tokens: encode(text), digest: digestOf({ messages, tools }, sha256), fingerprint };
}

/** A request with its answer: prompt, and what the model emitted. */
async function turn(messages: readonly ChatMessage[], tools: readonly unknown[] = [], answer = ANSWER): Promise<KnownPrompt> {
  const { tokens, fingerprint } = await prompt(messages, tools);
  const emitted = encode(`${answer.content}<|im_end|>`);
  const digest = digestOf({ messages: [...messages, answer], tools }, sha256);
  return { tokens: Int32Array.from([...tokens, ...emitted]), digest, fingerprint };
}

function explain(earlier: KnownPrompt | null, now: KnownPrompt, more: Partial<MissQuestion> = {}): ReturnType<typeof explainMiss> {
  const cachedTokens = earlier === null ? 0 : commonPrefix(earlier.tokens, now.tokens);
  return explainMiss({ earlier, now, cachedTokens, decode, state: null, ...more });
}

describe('nothing is missed', () => {
  test('when the conversation goes on with all that had KV', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const now = await prompt([SYSTEM, ASK, ANSWER, NEXT]);
    expect(commonPrefix(earlier.tokens, now.tokens)).toBe(earlier.tokens.length);
    expect(explain(earlier, now)).toBeNull();
    expect(explain(earlier, now, { cachedTokens: earlier.tokens.length - 1 })).toBeNull();
  });

  test('when only the last token differs, which never had KV', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const cut = { ...earlier, tokens: earlier.tokens.with(-1, 5) };
    expect(explain(cut, await prompt([SYSTEM, ASK, ANSWER, NEXT]))).toBeNull();
  });

  test('when the whole prompt but its last token was there', async () => {
    const now = await prompt([SYSTEM, ASK]);
    expect(explain(await turn([SYSTEM, ASK]), now, { cachedTokens: now.tokens.length - 1 })).toBeNull();
    expect(explain(null, now, { cachedTokens: now.tokens.length - 1 })).toBeNull();
  });
});

describe('the tokens differ', () => {
  test('system_prompt: with what was there and what is there now', async () => {
    const miss = explain(await turn([SYSTEM, ASK]), await prompt([{ ...SYSTEM, content: SYSTEM.content.replace('short', 'long') }, ASK]));
    expect(miss).toMatchObject({ cause: 'system_prompt', before: expect.stringMatching(/answers in one$/) as string });
    expect(miss!.was).toMatch(/^ short sentence/);
    expect(miss!.now).toMatch(/^ long sentence/);
  });

  test('tool_order and tools_changed', async () => {
    const earlier = await turn([SYSTEM, ASK], TOOLS);
    expect(explain(earlier, await prompt([SYSTEM, ASK], TOOLS.toReversed()))).toMatchObject({ cause: 'tool_order' });
    expect(explain(earlier, await prompt([SYSTEM, ASK], TOOLS.slice(0, 1)))).toMatchObject({ cause: 'tools_changed' });
    expect(explain(earlier, await prompt([SYSTEM, ASK]))).toMatchObject({ cause: 'tools_changed' });
  });

  test('edited_turn: a question or an answer that is another, or gone', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const edited = { ...ASK, content: ASK.content.replace('winter', 'autumn') };
    const miss = explain(earlier, await prompt([SYSTEM, edited, ANSWER, NEXT]));
    expect(miss).toMatchObject({ cause: 'edited_turn', before: expect.stringMatching(/who keeps it when the$/) as string });
    const otherAnswer = { ...ANSWER, content: 'It stands on the southern cliff.' };
    expect(explain(earlier, await prompt([SYSTEM, ASK, otherAnswer, NEXT]))).toMatchObject({ cause: 'edited_turn' });
    expect(explain(earlier, await prompt([SYSTEM, NEXT]))).toMatchObject({ cause: 'edited_turn' });
  });

  test('retokenized: the model emitted the same text in other tokens', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const start = earlier.tokens.length - encode(`${ANSWER.content}<|im_end|>`).length;
    const letters = [...ANSWER.content].map((letter) => encode(letter)[0]!);
    const spelled = { ...earlier, tokens: Int32Array.from([...earlier.tokens.subarray(0, start), ...letters, earlier.tokens.at(-1)!]) };
    const miss = explain(spelled, await prompt([SYSTEM, ASK, ANSWER, NEXT]));
    expect(miss).toMatchObject({ cause: 'retokenized', token: expect.any(Number) as number });
    expect(miss!.now.startsWith(miss!.was.slice(0, 20))).toBe(true);
  });

  test('template: the same messages and tools make another text', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const dated = { ...earlier, tokens: encode(decode(earlier.tokens).replace('You are', 'Today is Monday. You are')) };
    expect(explain(dated, await prompt([SYSTEM, ASK, ANSWER, NEXT]))).toMatchObject({
      cause: 'template',
      was: expect.stringMatching(/^Today is Monday/) as string,
    });
  });
});

describe('the tokens are the same, their KV is gone', () => {
  test.each<LossCause>(['evicted', 'ttl', 'window', 'damaged', 'not_kept'])(
    '%s: as who kept it says, from where it is missing',
    async (state) => {
      const earlier = await turn([SYSTEM, ASK]);
      const now = await prompt([SYSTEM, ASK, ANSWER, NEXT]);
      const miss = explain(earlier, now, { state, cachedTokens: 7 });
      expect(miss).toMatchObject({ cause: state, token: 7 });
      expect(miss!.was).toBe(miss!.now);
    },
  );

  test('it comes before a difference further on', async () => {
    const earlier = await turn([SYSTEM, ASK]);
    const now = await prompt([SYSTEM, { ...ASK, content: 'Where?' }]);
    expect(explain(earlier, now, { state: 'window', cachedTokens: 0 })).toMatchObject({ cause: 'window', token: 0, before: '' });
    expect(explain(earlier, now, { state: 'window' })).toMatchObject({ cause: 'edited_turn' });
  });

  test('where nobody knows of a loss it was evicted', async () => {
    expect(explain(await turn([SYSTEM, ASK]), await prompt([SYSTEM, ASK, ANSWER, NEXT]), { cachedTokens: 3 })).toMatchObject({
      cause: 'evicted',
    });
  });
});

describe('there is nothing to compare with', () => {
  test('never_seen, or other_fingerprint where that is known', async () => {
    const now = await prompt([SYSTEM, ASK]);
    expect(explain(null, now)).toMatchObject({ cause: 'never_seen', token: 0, was: '', before: '' });
    expect(explain(null, now, { cachedTokens: 9 })).toMatchObject({ cause: 'never_seen', token: 9 });
    expect(explain(null, now, { state: 'other_fingerprint' })).toMatchObject({ cause: 'other_fingerprint' });
    expect(explain(null, now, { state: 'evicted' })).toMatchObject({ cause: 'never_seen' });
  });

  test('other_fingerprint: the earlier request was of another model', async () => {
    const now = await prompt([SYSTEM, ASK, ANSWER, NEXT]);
    const earlier = { ...(await turn([SYSTEM, ASK])), fingerprint: 'other model' };
    expect(explain(earlier, now, { cachedTokens: 0 })).toMatchObject({ cause: 'other_fingerprint', token: 0 });
  });
});

test('for any two texts and any two tokenizations: the cause is one of the table, and what is shown is short and never half a character', () => {
  const text = fc.string({
    unit: fc.constantFrom('a', 'é', '中', '👩‍🚀', ' the', '\n', '🏳️‍🌈', 'ß', '<|im_end|>'),
    minLength: 1,
    maxLength: 90,
  });
  const none = digestOf({ messages: [], tools: [] }, sha256);
  fc.assert(
    fc.property(text, text, text, fc.nat(60), fc.boolean(), (start, was, is, cachedTokens, bytes) => {
      const kind = bytes ? byteFallback : tokenizer;
      const known = (content: string): KnownPrompt => ({
        tokens: kind.encode(content, { addSpecialTokens: false }),
        digest: none,
        fingerprint: 'model',
      });
      const ask = { earlier: known(start + was), now: known(start + is), cachedTokens, state: null };
      const miss = explainMiss({ ...ask, decode: (ids) => kind.decode(ids, { skipSpecialTokens: false }) });
      if (miss === null) return;
      expect(MISS_CAUSES).toContain(miss.cause);
      for (const shown of [miss.before, miss.was, miss.now]) {
        expect([...shown].length).toBeLessThanOrEqual(48);
        expect(shown).not.toContain('\uFFFD');
        expect(shown).not.toMatch(/\p{Surrogate}/u);
      }
    }),
    { numRuns: 500 },
  );
});
