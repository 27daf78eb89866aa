import { describe, expect, test } from 'vitest';
import type { Exchange, Generation, Manifest } from '../../../src/adapters/recordings/format.js';
import { compare } from '../../../src/client/replay/compare.js';
import { reportOf } from '../../../src/client/replay/report.js';
import { learnIds, rewrite } from '../../../src/client/replay/rewrite.js';
import type { Answered } from '../../../src/client/replay/send.js';
import { exchangeOf, HEAD, said } from '../../adapters/recordings/exchanges.js';

const generation = (given: Partial<Generation> = {}): Generation => ({
  model: 'm',
  seed: '7',
  temperature: 1,
  promptTokens: 20,
  cachedTokens: 10,
  source: 'memory',
  miss: null,
  tokens: [1, 2, 3],
  reason: 'stop',
  ...given,
});
const usage = { promptTokens: 20, cachedTokens: 10, outputTokens: 3 };
const recorded = (given: Partial<Exchange> = {}): Exchange =>
  exchangeOf({ id: 1, answer: said('msg_1', 'One two.'), usage, generations: [generation()], firstMs: 10, totalMs: 20, ...given });
const answered = (given: Partial<Answered> = {}): Answered => ({
  status: 200,
  answer: said('msg_2', 'One two.'),
  events: null,
  firstMs: 5,
  totalMs: 40,
  generations: [generation()],
  cancelled: null,
  broken: null,
  ...given,
});

describe('compare()', () => {
  test('ids of answers do not matter, what they say does', () => {
    expect(compare(recorded(), answered())).toMatchObject({
      failed: null,
      comparedBy: 'ids',
      differing: 0,
      firstDifference: null,
      shape: null,
    });
  });

  test('tokens that differ or are missing are counted, and the first is named', () => {
    const other = answered({ generations: [generation({ tokens: [1, 9] })] });
    expect(compare(recorded(), other)).toMatchObject({ comparedBy: 'ids', differing: 2, firstDifference: 1 });
  });

  test('where a side has no ids the text counts', () => {
    const other = answered({ generations: [], answer: said('msg_2', 'One too.') });
    expect(compare(recorded(), other)).toMatchObject({ comparedBy: 'text', differing: 1, cached: null });
  });

  test('where no answer was recorded there is nothing to compare but the status', () => {
    const none = recorded({ answer: null, generations: [], usage: null });
    expect(compare(none, answered())).toMatchObject({ comparedBy: 'nothing', differing: 0, failed: null, ttftMs: null });
    expect(compare(none, answered({ status: 503 })).failed).toBe('status 503, recorded was 200');
  });

  test('of an answer that its client left the part counts that both have', () => {
    const delta = (text: string): { at: number; event: null; data: string } => ({
      at: 1,
      event: null,
      data: JSON.stringify({ choices: [{ delta: { content: text } }] }),
    });
    const path = '/v1/chat/completions';
    const cancelled = { afterEvents: 2, at: 5 };
    const left = recorded({
      path,
      answer: null,
      generations: [generation({ tokens: null })],
      events: [delta('One'), delta(' two')],
      cancelled,
    });
    expect(compare(left, answered({ generations: [], answer: null, events: [delta('One')], cancelled }))).toMatchObject({
      failed: null,
      differing: 0,
    });
    expect(compare(left, answered({ generations: [], answer: null, events: [delta('Ten')], cancelled })).differing).toBe(3);
  });

  test('another shape is told in words', () => {
    const content = [{ type: 'tool_use', id: 'toolu_1', name: 'weather', input: { place: 'Bern' } }];
    const call = answered({ answer: { id: 'msg_3', type: 'message', content, stop_reason: 'tool_use' } });
    expect(compare(recorded(), call).shape).toEqual({ recorded: 'text, end_turn', replayed: 'call weather(place), tool_use' });
  });
});

describe('reportOf()', () => {
  const manifest: Manifest = {
    ...HEAD,
    format: 'semantic-recording',
    version: 1,
    state: 'complete',
    startedAt: '',
    endedAt: null,
    counts: { exchanges: 3, cancelled: 0, dropped: 0, unfinished: 0 },
    bytes: 0,
  };
  const replayed = (comparisons: ReturnType<typeof compare>[]) => ({
    recording: 'r',
    manifest,
    replayedModel: 'm',
    target: 'daemon',
    speed: 'max',
    cancelled: 0,
    comparisons,
  });
  const worse = [
    compare(recorded(), answered()),
    compare(recorded({ id: 2 }), answered({ generations: [generation({ tokens: [1, 2, 4], cachedTokens: 4 })], answer: said('msg', '') })),
    compare(recorded({ id: 3 }), answered({ broken: 'it broke', status: null, generations: [], answer: null })),
  ];

  test('what is asserted decides about the verdict; what failed always does', () => {
    const of = (...asserted: ('tokens' | 'shape' | 'cache')[]) => reportOf(replayed(worse), asserted).verdicts;
    expect(of()).toEqual(['1 exchanges have another status, or broke off']);
    expect(of('tokens')).toHaveLength(2);
    expect(of('tokens', 'shape', 'cache')).toHaveLength(4);
    expect(reportOf(replayed(worse.slice(0, 1)), ['tokens', 'shape', 'cache']).verdicts).toEqual([]);
  });

  test('figures are of all of them: losses are summed, times are medians', () => {
    const report = reportOf(replayed(worse.slice(0, 2)), []);
    expect(report.cache).toEqual({ recorded: 20, replayed: 14, lost: 6 });
    expect([report.ttftMs, report.totalMs]).toEqual([
      { recorded: 10, replayed: 5 },
      { recorded: 20, replayed: 40 },
    ]);
    expect(report.differences.map(({ id }) => id)).toEqual([2]);
  });
});

describe('rewrite()', () => {
  const none = { model: null, maxTokens: null };

  test('ids that the target made take the place of those that were made then, in bodies and in paths', () => {
    const ids = new Map<string, string>();
    learnIds(
      ids,
      recorded({ answer: { id: 'resp_1', output: [{ id: 'fc_1', call_id: 'call_1' }] } }),
      answered({ answer: { id: 'resp_9', output: [{ id: 'fc_9', call_id: 'call_9' }] } }),
    );
    const body = { previous_response_id: 'resp_1', input: [{ type: 'function_call_output', call_id: 'call_1', output: 'resp_1 was it' }] };
    const sent = rewrite(recorded({ path: '/v1/responses/resp_1/cancel?x=resp_1', body }), ids, none, '');
    expect(sent.path).toBe('/v1/responses/resp_9/cancel?x=resp_1');
    expect(JSON.parse(sent.body!)).toEqual({ previous_response_id: 'resp_9', input: [{ ...body.input[0], call_id: 'call_9' }] });
  });

  test('the seed is the recorded one, of what others recorded always the same', () => {
    expect(rewrite(recorded(), new Map(), none, '').headers).toMatchObject({ 'x-semantic-seed': '7', 'x-semantic-detail': 'generation' });
    expect(rewrite(recorded({ generations: [] }), new Map(), none, '').headers['x-semantic-seed']).toBe('0');
  });

  test('each API key there was has one in its place, unless one is given', () => {
    expect(rewrite(recorded({ caller: 2 }), new Map(), none, '').headers['authorization']).toBe('Bearer replayed-2');
    expect(rewrite(recorded({ caller: 2 }), new Map(), none, 'own').headers['authorization']).toBe('Bearer own');
    expect(rewrite(recorded(), new Map(), none, '').headers['authorization']).toBe(undefined);
  });

  test('another model and a shorter answer go into the fields of the dialect', () => {
    const changed = (path: string, body: object) =>
      JSON.parse(rewrite(recorded({ path, body }), new Map(), { model: 'tiny', maxTokens: 5 }, '').body!) as unknown;
    expect(changed('/v1/messages?beta=true', { model: 'x', max_tokens: 32_000 })).toEqual({ model: 'tiny', max_tokens: 5 });
    expect(changed('/v1/chat/completions', { model: 'x', max_tokens: 3 })).toEqual({
      model: 'tiny',
      max_tokens: 3,
      max_completion_tokens: 3,
    });
    expect(changed('/v1/responses', { model: 'x' })).toEqual({ model: 'tiny', max_output_tokens: 5 });
    expect(changed('/v1/embeddings', { model: 'x', input: 'a' })).toEqual({ model: 'tiny', input: 'a' });
  });
});
