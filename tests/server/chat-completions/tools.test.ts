/** Tools over the wire: called because the request says so, executed here, answered. */
import { readFileSync } from 'node:fs';
import type { ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { shape } from '../../support/shape.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const model = 'smollm2-135m-instruct';
const ask = (content: string): ChatCompletionMessageParam => ({ role: 'user', content });
const parameters = {
  type: 'object',
  properties: { city: { type: 'string', maxLength: 12 }, days: { type: 'integer', minimum: 1, maximum: 9 } },
  required: ['city', 'days'],
  additionalProperties: false,
};
const weather = { type: 'function' as const, function: { name: 'weather', description: 'Tells the weather of a city.', parameters } };
const zone = {
  type: 'function' as const,
  function: {
    name: 'zone',
    parameters: { type: 'object', properties: { east: { type: 'boolean' } }, required: ['east'], additionalProperties: false },
  },
};
const named = (name: string) => ({ type: 'function' as const, function: { name } });
const base = { model, temperature: 0, max_tokens: 80, tools: [weather, zone], messages: [ask('What is the weather in Bern?')] };
const golden = (name: string): string => readFileSync(new URL(`../../fixtures/wire/${name}`, import.meta.url), 'utf8');

describe('calls', () => {
  test('a call that is asked for by name comes, once, with arguments that fit', async () => {
    const { choices } = await daemon.openai.chat.completions.create({ ...base, tool_choice: named('weather') });
    const [choice] = choices;
    expect(choice?.finish_reason).toBe('tool_calls');
    expect(choice?.message.content).toBeNull();
    expect(choice?.message.tool_calls).toHaveLength(1);
    const call = choice!.message.tool_calls![0]!;
    if (call.type !== 'function') throw new Error(`wanted a function, got ${call.type}`);
    expect(call).toMatchObject({ id: expect.stringMatching(/^call_/), function: { name: 'weather' } });
    expect(JSON.parse(call.function.arguments)).toEqual({ city: expect.any(String), days: expect.any(Number) });
  });

  test('body and stream have every field of the recorded ones', async () => {
    const body = { ...base, tool_choice: named('zone') };
    expect(shape(await (await daemon.chat(body)).json())).toEqual(shape(JSON.parse(golden('chat-tool.json'))));
    const sse = await (await daemon.chat({ ...body, stream: true, stream_options: { include_usage: true } })).text();
    const [ours, recorded] = [chunksOf(sse), chunksOf(golden('chat-tool.sse'))];
    const calls = (chunks: Chunk[]) => chunks.flatMap(({ choices }) => choices.flatMap(({ delta }) => delta.tool_calls ?? []));
    expect(shape(calls(ours)[0])).toEqual(shape(calls(recorded)[0]));
    expect(
      new Set(
        calls(ours)
          .slice(1)
          .map((call) => JSON.stringify(shape(call))),
      ),
    ).toEqual(
      new Set(
        calls(recorded)
          .slice(1)
          .map((call) => JSON.stringify(shape(call))),
      ),
    );
    expect(calls(ours).length).toBeGreaterThan(2); // the arguments come as they are written
    expect(ours.slice(-2).map(shape)).toEqual(recorded.slice(-2).map(shape));
    expect(ours.at(-2)?.choices[0]?.finish_reason).toBe('tool_calls');
  });

  test('the stream helper of the SDK gathers the call that the body has', async () => {
    const body = { ...base, tool_choice: 'required' as const, parallel_tool_calls: false };
    const whole = await daemon.openai.chat.completions.create(body);
    const streamed = await daemon.openai.chat.completions.stream(body).finalChatCompletion();
    const said = ({ message }: { message: { tool_calls?: readonly unknown[] | null } }): unknown =>
      (message.tool_calls as { function: { name: string; arguments: string } }[]).map(({ function: { name, arguments: json } }) => [
        name,
        json,
      ]);
    expect(said(streamed.choices[0]!)).toEqual(said(whole.choices[0]!));
  });

  test('of allowed tools only those are called, though all are shown', async () => {
    const tool_choice = { type: 'allowed_tools' as const, allowed_tools: { mode: 'required' as const, tools: [named('zone')] } };
    const { choices, usage } = await daemon.openai.chat.completions.create({ ...base, tool_choice, parallel_tool_calls: false });
    expect(choices[0]?.message.tool_calls).toMatchObject([{ function: { name: 'zone' } }]);
    const all = await daemon.openai.chat.completions.create({ ...base, tool_choice: named('weather') });
    expect(usage?.prompt_tokens).toBe(all.usage?.prompt_tokens);
  });

  test('with tool_choice none there is text, and the prompt shows no tools', async () => {
    const { choices, usage } = await daemon.openai.chat.completions.create({ ...base, max_tokens: 4, tool_choice: 'none' });
    expect(choices[0]?.message.tool_calls).toBeUndefined();
    const { tools: _, ...bare } = base;
    const without = await daemon.openai.chat.completions.create({ ...bare, max_tokens: 4 });
    expect(usage?.prompt_tokens).toBe(without.usage?.prompt_tokens);
    expect(choices[0]?.message.content).toBe(without.choices[0]?.message.content);
  });

  test('functions, as it was before tools, are answered in kind, whole and streamed', async () => {
    const functions = [weather.function, zone.function];
    const body = { model, temperature: 0, max_tokens: 80, messages: base.messages, functions, function_call: { name: 'weather' } };
    const { choices } = await daemon.openai.chat.completions.create(body);
    expect(choices[0]).toMatchObject({ finish_reason: 'function_call', message: { content: null, function_call: { name: 'weather' } } });
    const streamed = await daemon.openai.chat.completions.stream(body).finalChatCompletion();
    expect(streamed.choices[0]?.message.function_call).toEqual(choices[0]?.message.function_call);
    const messages = [...base.messages, choices[0]!.message, { role: 'function' as const, name: 'weather', content: 'Sunny.' }];
    const answer = await daemon.openai.chat.completions.create({ ...body, messages, function_call: 'none', max_tokens: 8 });
    expect(answer.choices[0]?.message.content).not.toBe('');
  });

  test('runTools of the SDK executes the call that it got', async () => {
    const asked: { readonly city: string; readonly days: number }[] = [];
    const tool = {
      type: 'function' as const,
      function: {
        ...weather.function,
        parse: (json: string) => JSON.parse(json) as { city: string; days: number },
        function: (input: { city: string; days: number }) => {
          asked.push(input);
          return `Sunny for ${input.days} days.`;
        },
      },
    };
    const runner = daemon.openai.chat.completions.runTools({ ...base, tools: [tool], tool_choice: named('weather') });
    await runner.done();
    expect(asked).toEqual([{ city: expect.any(String), days: expect.any(Number) }]);
    expect(runner.messages.at(-1)).toMatchObject({ role: 'tool', content: `Sunny for ${asked[0]!.days} days.` });
    const answer = await daemon.openai.chat.completions.create({ ...base, max_tokens: 8, tool_choice: 'none', messages: runner.messages });
    expect(answer.choices[0]?.message.content).not.toBe('');
  });
});

describe('what is sent back', () => {
  test('three turns with a call, sent back in other formatting, find the prompt before them', async () => {
    const turn = async (body: object): Promise<Turn> =>
      (await (await daemon.chat({ ...base, session_id: 'three', ...body })).json()) as Turn;
    const first = await turn({ tool_choice: named('weather') });
    const call = first.choices[0].message.tool_calls![0]!;
    const input = JSON.parse(call.function.arguments) as { city: string; days: number };
    // As clients do: parsed, and written again, in an order of their own.
    const again = {
      ...call,
      function: { arguments: JSON.stringify({ days: input.days, city: input.city }, null, 4), name: call.function.name },
    };
    const messages = [
      ...base.messages,
      { role: 'assistant', content: '', tool_calls: [again] },
      { role: 'tool', tool_call_id: call.id, content: [{ type: 'text', text: 'Sunny.' }] },
    ];
    const second = await turn({ messages, max_tokens: 12, tool_choice: 'auto' });
    const third = await turn({
      messages: [...messages, { role: 'assistant', content: second.choices[0].message.content }, ask('And tomorrow?')],
      max_tokens: 4,
    });
    for (const [before, after] of [
      [first, second],
      [second, third],
    ] as const) {
      const found = after.usage.prompt_tokens_details.cached_tokens;
      expect(found).toBeGreaterThanOrEqual(0.95 * before.usage.prompt_tokens);
      expect(found).toBeLessThan(after.usage.prompt_tokens);
    }
    // What was written is found too, not just what was asked.
    expect(second.usage.prompt_tokens_details.cached_tokens).toBeGreaterThanOrEqual(first.usage.total_tokens - 1);
  });
});

interface Turn {
  readonly choices: [
    {
      readonly message: {
        readonly content: string;
        readonly tool_calls?: { readonly id: string; readonly function: { name: string; arguments: string } }[];
      };
    },
  ];
  readonly usage: {
    readonly prompt_tokens: number;
    readonly total_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  };
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly tool_calls?: readonly object[] }; readonly finish_reason: string | null }[];
}

function chunksOf(sse: string): Chunk[] {
  return sse
    .split('\n\n')
    .filter((part) => part.startsWith('data: {'))
    .map((part) => JSON.parse(part.slice('data: '.length)) as Chunk);
}
