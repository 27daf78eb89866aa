import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const model = 'smollm2-135m-instruct';
const prompt = 'The capital of France is';
const greedy = { model, prompt, temperature: 0, max_tokens: 8 };
const post = (body: object): Promise<Response> =>
  fetch(`${daemon.summary.address}/v1/completions`, { method: 'POST', body: JSON.stringify({ ...greedy, ...body }) });

describe('answers', () => {
  test('the SDK gets text that goes on from the prompt, whole and streamed', async () => {
    const whole = await daemon.openai.completions.create(greedy);
    expect(whole).toMatchObject({ object: 'text_completion', choices: [{ index: 0, logprobs: null, finish_reason: 'length' }] });
    expect(whole.choices[0]?.text).toMatch(/^ Paris/);
    expect(whole.usage).toMatchObject({ completion_tokens: 8, total_tokens: (whole.usage?.prompt_tokens ?? 0) + 8 });
    let text = '';
    let usage: unknown;
    for await (const chunk of await daemon.openai.completions.create({
      ...greedy,
      stream: true,
      stream_options: { include_usage: true },
    })) {
      text += chunk.choices[0]?.text ?? '';
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(whole.choices[0]?.text);
    expect(usage).toMatchObject({ completion_tokens: 8 });
  });

  test('with echo the prompt comes first, that of ids in words', async () => {
    const { choices } = await daemon.openai.completions.create({ ...greedy, echo: true });
    expect(choices[0]?.text).toMatch(/^The capital of France is Paris/);
    const ids = await daemon.openai.completions.create({ ...greedy, prompt: [504, 3575, 282, 4649, 314], echo: true });
    expect(ids.choices[0]?.text).toBe(choices[0]?.text);
    let text = '';
    for await (const chunk of await daemon.openai.completions.create({ ...greedy, echo: true, stream: true }))
      text += chunk.choices[0]?.text;
    expect(text).toBe(choices[0]?.text);
  });

  test('several prompts have n answers each, in their order; every prompt is counted once', async () => {
    const prompts = [prompt, 'One, two, three,'];
    const { choices, usage } = await daemon.openai.completions.create({ ...greedy, prompt: prompts, temperature: 1, seed: 3, n: 2 });
    expect(choices.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const alone = await Promise.all(
      prompts.map((one) => daemon.openai.completions.create({ ...greedy, prompt: one, temperature: 1, seed: 3 })),
    );
    expect([choices[0]?.text, choices[2]?.text]).toEqual(alone.map((answer) => answer.choices[0]?.text));
    expect(choices[1]?.text).not.toBe(choices[0]?.text);
    expect(usage?.prompt_tokens).toBe(alone.reduce((sum, answer) => sum + (answer.usage?.prompt_tokens ?? 0), 0));
    expect(usage?.completion_tokens).toBe(32);
  });

  test('a stop string ends the text before itself', async () => {
    const free = await daemon.openai.completions.create(greedy);
    const text = free.choices[0]!.text;
    const stop = text.slice(4, 8);
    const { choices } = await daemon.openai.completions.create({ ...greedy, stop });
    expect(choices[0]).toMatchObject({ text: text.slice(0, text.indexOf(stop)), finish_reason: 'stop' });
  });

  test('log-probabilities are four lists, with the place of each token in the text; streamed they are the same', async () => {
    const whole = await daemon.openai.completions.create({ ...greedy, logprobs: 2 });
    const { text, logprobs } = whole.choices[0]!;
    expect(logprobs!.tokens!.join('')).toBe(text);
    for (const [i, token] of logprobs!.tokens!.entries()) {
      expect(text.slice(logprobs!.text_offset![i])).toMatch(new RegExp(`^${token.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`));
      const top = logprobs!.top_logprobs![i]!;
      expect(Object.keys(top)).toHaveLength(2);
      expect(top[token]).toBe(logprobs!.token_logprobs![i]);
      expect(Math.max(...Object.values(top))).toBe(top[token]); // greedy: the best is the one taken
    }
    const streamed: Record<string, unknown[]> = { tokens: [], token_logprobs: [], top_logprobs: [], text_offset: [] };
    for await (const { choices } of await daemon.openai.completions.create({ ...greedy, logprobs: 2, stream: true }))
      for (const [name, list] of Object.entries(choices[0]?.logprobs ?? {})) streamed[name]!.push(...(list as unknown[]));
    expect(streamed).toEqual(logprobs);
  });

  test('a second request finds the prompt of the first', async () => {
    const long = `${'A line of a long text that is read once. '.repeat(30)}`;
    const first = await daemon.openai.completions.create({ ...greedy, prompt: long, max_tokens: 2 });
    const second = await daemon.openai.completions.create({ ...greedy, prompt: `${long}And more.`, max_tokens: 2 });
    expect(second.usage!.prompt_tokens_details!.cached_tokens).toBeGreaterThanOrEqual(0.95 * first.usage!.prompt_tokens);
  });

  test('a constraint holds here as well', async () => {
    const answer = (await (await post({ guided_regex: ' [A-Z][a-z]{3,9}' })).json()) as { choices: { text: string }[] };
    expect(answer.choices[0]?.text).toMatch(/^ [A-Z][a-z]{3,9}$/);
  });
});

describe('what is wrong is refused by its name', () => {
  test.each([
    [{ suffix: 'end' }, 'suffix'],
    [{ echo: true, logprobs: 1 }, 'echo'],
    [{ best_of: 3 }, 'best_of'],
    [{ n: 2, best_of: 3 }, 'best_of'],
    [{ logprobs: 6 }, 'logprobs'],
    [{ logprobs: true }, 'logprobs'],
    [{ prompt: [] }, 'prompt'],
    [{ prompt: '' }, 'prompt'],
    [{ prompt: null }, 'prompt'],
    [{ prompt: [1, 'a'] }, 'prompt'],
    [{ prompt: [1, 99_999_999] }, 'prompt'],
    [{ prompt: [[1], []] }, 'prompt[1]'],
    [{ prompt: ['a', 'b'], n: 65 }, 'n'],
    [{ max_tokens: 0 }, 'max_tokens'],
  ])('%j: %s', async (body, param) => {
    const response = await post(body);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: { message: expect.any(String), type: 'invalid_request_error', param, code: 'invalid_request' },
    });
  });

  test('a prompt that is too long, and another model', async () => {
    const long = await post({ prompt: 'word '.repeat(9000) });
    expect([long.status, await long.json()]).toMatchObject([400, { error: { code: 'context_length_exceeded', param: 'prompt' } }]);
    expect((await post({ model: 'no-such' })).status).toBe(404);
  });
});
