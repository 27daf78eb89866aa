import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { shape } from '../../support/shape.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const model = 'smollm2-135m-instruct';
const ask = (content: string) => [{ role: 'user' as const, content }];
const greedy = { model, temperature: 0, max_tokens: 12 };
const golden = (name: string) => readFileSync(new URL(`../../fixtures/wire/${name}`, import.meta.url), 'utf8');
const events = (sse: string) =>
  sse
    .split('\n\n')
    .filter((part) => part.startsWith('data: '))
    .map((part) => part.slice('data: '.length));

describe('answers', () => {
  test('the OpenAI SDK gets an answer in English, with true usage', async () => {
    const answer = await daemon.openai.chat.completions.create({ ...greedy, messages: ask('What is the capital of France?') });
    expect(answer.choices[0]?.message.content).toMatch(/Paris/);
    expect(answer.choices[0]?.finish_reason).toMatch(/stop|length/);
    expect(answer.usage?.prompt_tokens).toBeGreaterThan(10);
    expect(answer.usage?.total_tokens).toBe((answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0));
  });

  test('the SDK streams the same text as it gets at once', async () => {
    const messages = ask('Name three colours.');
    const whole = await daemon.openai.chat.completions.create({ ...greedy, messages });
    let text = '';
    let finish: string | null = null;
    for await (const chunk of await daemon.openai.chat.completions.create({ ...greedy, messages, stream: true })) {
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
    }
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(finish).toBe(whole.choices[0]?.finish_reason);
  });

  test('an answer has every field of the recorded one', async () => {
    const recorded = JSON.parse(golden('chat-text.json')) as Record<string, unknown>;
    const response = await daemon.chat({ messages: ask('Hi'), max_tokens: 2 });
    expect(response.headers.get('x-request-id')).toMatch(/^req_/);
    expect(shape(await response.json())).toEqual(shape(recorded));
  });

  test('a stream has the recorded order, fields and end', async () => {
    const response = await daemon.chat({
      messages: ask('Hi'),
      max_tokens: 3,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
    const [ours, recorded] = [events(await response.text()), events(golden('chat-text.sse'))];
    const kind = (data: string) => (data === '[DONE]' ? data : shape(JSON.parse(data)));
    expect(kind(ours[0]!)).toEqual(kind(recorded[0]!));
    expect(kind(ours[1]!)).toEqual(kind(recorded[1]!));
    expect(ours.slice(-3).map(kind)).toEqual(recorded.slice(-3).map(kind));
    expect(new Set(ours.slice(0, -1).map((data) => (JSON.parse(data) as { id: string }).id)).size).toBe(1);
  });

  test('without include_usage no chunk speaks of usage', async () => {
    const response = await daemon.chat({ messages: ask('Hi'), max_tokens: 2, stream: true });
    expect(await response.text()).not.toContain('"usage"');
  });

  test('text parts, the developer role and vendor fields are accepted', async () => {
    const messages = [
      { role: 'developer', content: 'Answer briefly.' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'Say ' },
          { type: 'text', text: 'hello.' },
        ],
      },
    ];
    const parts = await (await daemon.chat({ ...greedy, messages, store: true, metadata: { a: 'b' }, x_vendor: 1 })).json();
    const plain = [
      { role: 'system', content: 'Answer briefly.' },
      { role: 'user', content: 'Say hello.' },
    ];
    const text = await (await daemon.chat({ ...greedy, messages: plain })).json();
    expect((parts as Answer).choices[0].message.content).toBe((text as Answer).choices[0].message.content);
  });
});

interface Answer {
  readonly choices: [
    { readonly message: { readonly content: string }; readonly finish_reason: string; readonly logprobs: Logprobs | null },
  ];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}
interface Logprobs {
  readonly content: {
    readonly token: string;
    readonly logprob: number;
    readonly bytes: number[];
    readonly top_logprobs: { readonly logprob: number }[];
  }[];
}
const answer = async (body: object): Promise<Answer> => (await (await daemon.chat(body)).json()) as Answer;

describe('sampling', () => {
  test('the same seed gives the same text, another seed another', async () => {
    const body = { messages: ask('Tell me a story.'), max_tokens: 24, temperature: 1 };
    const [a, b, c] = [await answer({ ...body, seed: 7 }), await answer({ ...body, seed: 7 }), await answer({ ...body, seed: 8 })];
    expect(b.choices[0].message.content).toBe(a.choices[0].message.content);
    expect(c.choices[0].message.content).not.toBe(a.choices[0].message.content);
  });

  test('requests that run at once get the tokens they get alone', async () => {
    const prompts = ['Count to five.', 'What is water made of?', 'Write one line about the sea, please, and make it rhyme.'];
    const alone: string[] = [];
    for (const prompt of prompts)
      alone.push((await answer({ ...greedy, messages: ask(prompt), cache_prompt: false })).choices[0].message.content);
    const together = await Promise.all(prompts.map((prompt) => answer({ ...greedy, messages: ask(prompt), cache_prompt: false })));
    expect(together.map(({ choices }) => choices[0].message.content)).toEqual(alone);
  });

  test('max_tokens and max_completion_tokens end an answer with length', async () => {
    for (const limit of [{ max_tokens: 3 }, { max_completion_tokens: 3, max_tokens: 9 }]) {
      const { choices, usage } = await answer({ messages: ask('Tell me a story.'), temperature: 0, ...limit });
      expect([choices[0].finish_reason, usage.completion_tokens]).toEqual(['length', 3]);
    }
  });

  test('ignore_eos goes on past the end of the turn', async () => {
    const { usage, choices } = await answer({ messages: ask('Say hi.'), temperature: 0, max_tokens: 80, ignore_eos: true });
    expect([usage.completion_tokens, choices[0].finish_reason]).toEqual([80, 'length']);
  });

  test('a stop string ends the answer before itself, a stop token likewise', async () => {
    const free = await answer({ ...greedy, messages: ask('Name three colours.') });
    const text = free.choices[0].message.content;
    const stop = text.slice(5, 9);
    const stopped = await answer({ ...greedy, messages: ask('Name three colours.'), stop });
    expect(stopped.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text.slice(0, text.indexOf(stop)) } });
    // The end-of-turn id 2 biased to certainty ends at once, unless it is ignored.
    const biased = await answer({ ...greedy, messages: ask('Hi'), logit_bias: { 2: 100 } });
    expect([biased.usage.completion_tokens, biased.choices[0].message.content]).toEqual([1, '']);
    const own = await answer({ ...greedy, messages: ask('Hi'), logit_bias: { 28: 100 }, stop_token_ids: [28], ignore_eos: true });
    expect([own.usage.completion_tokens, own.choices[0].finish_reason]).toEqual([1, 'stop']);
  });

  test('logprobs come with bytes and alternatives, best first, one entry per token of the text', async () => {
    const { choices } = await answer({
      ...greedy,
      messages: ask('Say hello.'),
      max_tokens: 4,
      logprobs: true,
      top_logprobs: 3,
      ignore_eos: true,
    });
    const content = choices[0].logprobs?.content ?? [];
    expect(Buffer.from(content.flatMap(({ bytes }) => bytes)).toString('utf8')).toBe(choices[0].message.content);
    for (const { logprob, top_logprobs: top } of content) {
      expect(top).toHaveLength(3);
      expect(top[0]?.logprob).toBe(logprob); // greedy: the best is the one taken
      expect(top.map((entry) => entry.logprob)).toEqual(top.map((entry) => entry.logprob).toSorted((a, b) => b - a));
    }
  });
});

describe('reuse of the prompt', () => {
  test('a second turn prefills only what is new, and says so, with the text of a cold start', async () => {
    const session = { temperature: 0, max_tokens: 16, session_id: 'turns' };
    const first = ask('Remember the word orchid. Repeat it.');
    const one = await answer({ ...session, messages: first });
    const second = [...first, { role: 'assistant', content: one.choices[0].message.content }, ...ask('And once more?')];
    const before = (await daemon.status()).native.tokensPrefilled;
    const warm = await answer({ ...session, messages: second });
    const prefilled = (await daemon.status()).native.tokensPrefilled - before;
    const { prompt_tokens: promptTokens, prompt_tokens_details: details } = warm.usage;
    expect(details.cached_tokens).toBeGreaterThanOrEqual(one.usage.prompt_tokens);
    expect(prefilled).toBe(promptTokens - details.cached_tokens);
    const cold = await answer({ ...session, messages: second, cache_prompt: false });
    expect(cold.usage.prompt_tokens_details.cached_tokens).toBe(0);
    expect(cold.choices[0].message.content).toBe(warm.choices[0].message.content);
  });

  test('with cache_prompt false nothing is kept', async () => {
    // What is still being written to disk counts as a sequence.
    const { native } = await until(daemon.status, ({ engine }) => engine.parking.pending === 0);
    await answer({ ...greedy, messages: ask('Leave nothing behind.'), cache_prompt: false });
    expect((await daemon.status()).native.sequences).toBe(native.sequences);
  });
});

describe('neighbours', () => {
  test('models and health say what is served', async () => {
    const { address } = daemon.summary;
    const list = await daemon.openai.models.list();
    expect(list.data.map(({ id }) => id)).toEqual([model]);
    expect(await daemon.openai.models.retrieve(model)).toMatchObject({ id: model, object: 'model' });
    for (const probe of ['live', 'ready', 'startup']) expect((await fetch(`${address}/health/${probe}`)).status).toBe(200);
  });
});
