/** What the real model answers under a constraint: valid whenever it was not cut short. */
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { OutputConstraint } from '../../../src/core/domain/output-constraint.js';
import { toolConstraint } from '../../../src/core/constraints/tool-constraint.js';
import type { GenerationRequest } from '../../../src/core/domain/request.js';
import type { OpenedEngine } from '../../../src/server/open-engine.js';
import { budgetOf, openHere, readAll, requestOf } from '../../support/engine-here.js';
import { createHome } from '../../support/run-semantic.js';
import { CASES, type ConstrainedCase } from '../../../bench/constrained-cases.js';
import { HERMES } from '../constraints/support.js';

/** Generations; more with CONSTRAINED_RUNS=500. */
const RUNS = Number(process.env['CONSTRAINED_RUNS'] ?? 24);

/** As many as may wait. */
const TOGETHER = 48;

const home = createHome();
const ajv = new Ajv2020({ strict: false, formats: { date: true } });
let opened: OpenedEngine;
beforeAll(async () => {
  opened = await openHere(home.path, { 'engine.max_batch_sequences': 4 });
});
afterAll(async () => {
  vi.restoreAllMocks();
  await opened.close();
  home.remove();
});

interface Outcome {
  readonly text: string;
  readonly reason: string;
}

async function answer(content: string, constraint: OutputConstraint, changed: Partial<GenerationRequest> = {}): Promise<Outcome> {
  let text = '';
  const request = requestOf(content, { maxTokens: 160, ignoreEos: false, constraint, ...changed });
  for await (const event of opened.engine.submit(request)) {
    if (event.type === 'token') text += event.text;
    if (event.type === 'finished') return { text, reason: event.reason };
  }
  throw new Error('the answer did not finish');
}

function isValid({ constraint, schema }: ConstrainedCase, text: string): boolean {
  if (schema !== undefined) return ajv.validate(schema, JSON.parse(text));
  if (constraint.kind === 'regex') return new RegExp(`^(?:${constraint.pattern})$`, 'u').test(text);
  return typeof JSON.parse(text) === 'object';
}

test(
  'answers are valid, whatever is asked for and however it is sampled',
  async () => {
    const runs = Array.from({ length: RUNS }, (_, i) => ({
      ...CASES[i % CASES.length]!,
      seed: BigInt(i),
      temperature: [0, 0.7, 1.5][i % 3]!,
    }));
    const answered = async (run: (typeof runs)[number]): Promise<Outcome & { run: typeof run }> => {
      const sampling = { ...requestOf('').sampling, temperature: run.temperature, seed: run.seed };
      return { run, ...(await answer(run.prompt, run.constraint, { sampling })) };
    };
    const outcomes: Awaited<ReturnType<typeof answered>>[] = [];
    for (let i = 0; i < RUNS; i += TOGETHER) outcomes.push(...(await Promise.all(runs.slice(i, i + TOGETHER).map(answered))));
    const whole = outcomes.filter(({ reason }) => reason === 'stop');
    for (const { run, text } of whole) expect(isValid(run, text), `${text} for ${JSON.stringify(run.constraint)}`).toBe(true);
    console.info(`${whole.length} of ${RUNS} answers were whole, and all of them valid`);
    expect(whole.length).toBeGreaterThan(RUNS / 2);
  },
  60_000 + RUNS * 4_000,
);

test('a tool that must be called is called in the syntax of the model family', async () => {
  const parameters = {
    type: 'object',
    properties: { city: { type: 'string', maxLength: 20 }, days: { type: 'integer', minimum: 1, maximum: 7 } },
    required: ['city', 'days'],
  };
  const tools = [
    { name: 'get_weather', parameters },
    { name: 'get_time', parameters: {} },
  ];
  const { text, reason } = await answer('What is the weather in Paris?', toolConstraint(tools, { name: 'get_weather' }, HERMES, false));
  const call = /^<tool_call>\n(.*)\n<\/tool_call>$/s.exec(text);
  expect([reason, call !== null]).toEqual(['stop', true]);
  const { name, arguments: given } = JSON.parse(call![1]!) as { name: string; arguments: unknown };
  expect(name).toBe('get_weather');
  expect(ajv.validate(parameters, given)).toBe(true);
});

test('the log-probabilities of a constrained answer are those of the model', async () => {
  const request = requestOf('Say yes or no.', { constraint: { kind: 'regex', pattern: 'zebra' }, logprobs: true, ignoreEos: false });
  const logprobs: number[] = [];
  for await (const event of opened.engine.submit(request))
    if (event.type === 'token' && event.logprob !== null) logprobs.push(event.logprob.logprob);
  expect(logprobs[0]).toBeLessThan(-1);
});

test('an answer that may go on past its end stops where the constraint is complete', async () => {
  expect(await answer('Count.', { kind: 'regex', pattern: '1, 2, 3' }, { ignoreEos: true })).toEqual({ text: '1, 2, 3', reason: 'stop' });
});

test('characters of several tokens come whole', async () => {
  expect((await answer('Hi', { kind: 'grammar', source: 'root ::= "né 😀 ᚠᛇᚻ"' })).text).toBe('né 😀 ᚠᛇᚻ');
});

test('a constraint that is not understood is refused before anything is queued', async () => {
  const before = opened.engine.status().requests;
  await expect(answer('Hi', { kind: 'json_schema', schema: { not: {} } })).rejects.toMatchObject({
    code: 'InvalidRequest',
    param: 'response_format',
    message: expect.stringContaining('"not" is not supported') as string,
  });
  await expect(answer('Hi', { kind: 'regex', pattern: '' }, { ignoreEos: true })).rejects.toMatchObject({ code: 'InvalidRequest' });
  expect(opened.engine.status().requests.submitted).toBe(before.submitted);
});

test('an answer that turns out too ambiguous fails alone and leaves nothing behind', async () => {
  const source = 'root ::= "a" (root | t) "b" | "c"\nt ::= "a" (root | t) "b" | "c"';
  const sampling = {
    ...requestOf('').sampling,
    logitBias: new Map([
      [...opened.engine.model.tokenizer.encode('a', { addSpecialTokens: false })].map((id): [number, number] => [id, 100])[0]!,
    ]),
  };
  const ambiguous = answer('a', { kind: 'grammar', source }, { sampling });
  const other = answer('Hi', { kind: 'regex', pattern: 'fine' });
  await expect(ambiguous).rejects.toThrow('can be read in more than');
  expect((await other).text).toBe('fine');
  await opened.engine.drain();
  expect([opened.engine.status().running, opened.engine.status().fault]).toEqual([0, null]);
});

test('an answer that makes way for others goes on within its constraint, with the tokens it would have had', async () => {
  const words: OutputConstraint = { kind: 'regex', pattern: '([a-z]{2,9} ){100,}' };
  const growing = (i: number): GenerationRequest => {
    const sampling = { ...requestOf('').sampling, temperature: 0.9, seed: BigInt(i) };
    return requestOf(`${i} ${'word '.repeat(165 + 3 * i)}`, { maxTokens: 90, sampling, constraint: words, cachePrompt: false });
  };
  const alone: (readonly number[])[] = [];
  for (let i = 0; i < 3; i++) alone.push((await readAll(opened.engine.submit(growing(i)))).tokens);
  const narrow = await openHere(home.path, { ...budgetOf(4, opened, home.path), 'scheduler.reserve_tokens': 8 });
  try {
    const answers = await Promise.all([0, 1, 2].map((i) => readAll(narrow.engine.submit(growing(i)))));
    expect(answers.map(({ tokens }) => tokens)).toEqual(alone);
    for (const { text } of answers) expect(text).toMatch(/^([a-z]{2,9} )*[a-z]*$/);
    expect(narrow.engine.status().requests.preempted).toBeGreaterThan(0);
  } finally {
    await narrow.close();
  }
}, 120_000);
