/** Requests as spans, as a receiver in another process gets them from a real daemon. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { type OtlpReceiver, type ReceivedSpan, startReceiver } from '../support/otlp-receiver.js';
import { createHome, semantic } from '../support/run-semantic.js';
import { STARTER_MODEL } from '../support/starter-model.js';
import { createTwoModels, OTHER_MODEL } from '../support/two-models.js';

const CALLER = 'b7ad6b7169203331';
let nextTrace = 1;
/** A trace of its own, so that its spans are told from all others. */
const newTrace = (): string => (nextTrace++).toString(16).padStart(32, 'a');
const from = (trace: string, flags = '01'): { readonly headers: Record<string, string> } => ({
  headers: { traceparent: `00-${trace}-${CALLER}-${flags}` },
});
const user = (content: string): { readonly messages: readonly object[] } => ({ messages: [{ role: 'user', content }] });
const byName = (spans: readonly ReceivedSpan[], name: string): readonly ReceivedSpan[] => spans.filter((span) => span.name === name);

/** Spans of a trace, when there are as many of these names as are wanted. */
function spansOf(receiver: OtlpReceiver, trace: string, wanted: Readonly<Record<string, number>>): Promise<readonly ReceivedSpan[]> {
  return until(
    () => receiver.spans().filter(({ traceId }) => traceId === trace),
    (spans) => Object.entries(wanted).every(([name, count]) => byName(spans, name).length === count),
  );
}

/** Begins no sooner than it and, but where KV goes to disk behind an answer, ends no later. */
function assertInside(child: ReceivedSpan, parent: ReceivedSpan): void {
  expect(child.parentId).toBe(parent.spanId);
  expect(BigInt(child.start)).toBeGreaterThanOrEqual(BigInt(parent.start));
  if (child.name !== 'persist') expect(BigInt(child.end)).toBeLessThanOrEqual(BigInt(parent.end));
}

function assertTimes(spans: readonly ReceivedSpan[]): void {
  const now = BigInt(Date.now()) * 1_000_000n;
  const hour = 3_600_000_000_000n;
  for (const { start, end } of spans) {
    expect(BigInt(end)).toBeGreaterThanOrEqual(BigInt(start));
    expect(BigInt(start)).toBeGreaterThan(now - hour);
    expect(BigInt(end)).toBeLessThan(now + hour);
  }
}

describe('a daemon with a receiver', () => {
  const home = createHome();
  let receiver: OtlpReceiver;
  let daemon: TestDaemon;
  const start = (): Promise<TestDaemon> =>
    startDaemon([], {
      SEMANTIC_HOME: home.path,
      SEMANTIC_MODEL_CONTEXT: '2048',
      SEMANTIC_TRACES_OTLP_ENDPOINT: receiver.endpoint,
      SEMANTIC_TRACES_AGENT_IDS: 'true',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-team=one',
      OTEL_SERVICE_NAME: 'models-of-mine',
    });

  beforeAll(async () => {
    receiver = await startReceiver();
    daemon = await start();
  }, 60_000);
  afterAll(async () => {
    await daemon.stop();
    await receiver.stop();
    home.remove();
  });

  const remember = (trace: string, tokens: number): Promise<Response> =>
    daemon.chat(
      { ...user(`Remember these: ${'one two three four '.repeat(80)}`), session_id: 'xylophone-7', max_tokens: tokens, ignore_eos: true },
      { headers: { ...from(trace).headers, authorization: 'Bearer sk-never-in-a-span' } },
    );

  test('tells a request and its stages, under the span it came from', async () => {
    const trace = newTrace();
    const reply = await remember(trace, 5);
    const { usage } = (await reply.json()) as { usage: { prompt_tokens: number } };
    const spans = await spansOf(receiver, trace, { request: 1, queue: 1, prefill: 1, decode: 1, persist: 1 });
    expect(spans.length).toBe(5);
    assertTimes(spans);
    const [request] = byName(spans, 'request');
    expect(reply.headers.get('traceparent')).toBe(`00-${trace}-${request!.spanId}-01`);
    expect(request).toMatchObject({ parentId: CALLER, kind: 2, flags: 0x301, status: null });
    expect(request!.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/v1/chat/completions',
      'http.response.status_code': 200,
      'semantic.request_id': reply.headers.get('x-request-id'),
      'gen_ai.response.model': STARTER_MODEL,
      'gen_ai.usage.input_tokens': usage.prompt_tokens,
      'gen_ai.usage.cache_read.input_tokens': 0,
      'gen_ai.usage.output_tokens': 5,
      'gen_ai.response.finish_reasons': ['length'],
    });
    for (const child of spans) if (child !== request) assertInside(child, request!);
    const [queue, prefill, decode, persist] = ['queue', 'prefill', 'decode', 'persist'].map((name) => byName(spans, name)[0]!);
    expect([queue!.end, prefill!.end]).toEqual([prefill!.start, decode!.start]); // one after the other
    for (const stage of [queue, prefill, decode, persist]) expect(stage).toMatchObject({ kind: 1, flags: 0x101, status: null });
    const ids = { 'semantic.model': STARTER_MODEL, 'semantic.generation': expect.any(Number), 'semantic.agent_id': expect.any(String) };
    expect(queue!.attributes).toEqual(ids);
    expect(prefill!.attributes).toEqual({ ...ids, 'semantic.prompt_tokens': usage.prompt_tokens, 'semantic.cached_tokens': 0 });
    expect(decode!.attributes).toEqual({ ...ids, 'semantic.completion_tokens': 5, 'semantic.finish_reason': 'length' });
    const { 'semantic.generation': _, ...ofAgent } = ids;
    expect(persist!.attributes).toEqual({ ...ofAgent, 'semantic.bytes': expect.any(Number) });
    expect(receiver.requests()[0]).toMatchObject({
      url: '/v1/traces',
      headers: { 'x-team': 'one' },
      resource: { 'service.name': 'models-of-mine', 'service.version': expect.any(String), 'process.pid': daemon.summary.pid },
    });
    const received = JSON.stringify(receiver.requests());
    expect(received).not.toMatch(/Remember|one two|sk-never|undecodable/);
  });

  test('tells KV that comes from disk, and what is found in memory', async () => {
    daemon.signal('SIGTERM');
    await daemon.ended();
    daemon = await start();
    const first = newTrace();
    await (await remember(first, 2)).json();
    const spans = await spansOf(receiver, first, { request: 1, restore: 1, prefill: 1, decode: 1 });
    const [queue, restore, prefill] = ['queue', 'restore', 'prefill'].map((name) => byName(spans, name)[0]!);
    expect([queue!.end, restore!.end]).toEqual([restore!.start, prefill!.start]);
    const restored = restore!.attributes['semantic.restored_tokens'];
    expect(restored).toBeGreaterThan(200);
    expect(prefill!.attributes['semantic.cached_tokens']).toBe(restored);
    for (const child of spans) if (child.name !== 'request') assertInside(child, byName(spans, 'request')[0]!);

    const second = newTrace();
    await (await remember(second, 2)).json();
    const again = await spansOf(receiver, second, { request: 1, decode: 1 });
    expect(byName(again, 'restore')).toEqual([]);
    expect(byName(again, 'request')[0]!.attributes['gen_ai.usage.cache_read.input_tokens']).toBeGreaterThan(0);
  });

  test('tells each of several answers, and their sum with the request; streams like whole bodies', async () => {
    const trace = newTrace();
    await (await daemon.chat({ ...user('Two of them.'), n: 2, max_tokens: 3, ignore_eos: true, stream: true }, from(trace))).text();
    const spans = await spansOf(receiver, trace, { request: 1, queue: 2, prefill: 2, decode: 2 });
    const generations = byName(spans, 'decode').map(({ attributes }) => attributes['semantic.generation']);
    expect(new Set(generations).size).toBe(2);
    const { attributes } = byName(spans, 'request')[0]!;
    expect(attributes['gen_ai.usage.output_tokens']).toBe(6);
    expect(attributes['gen_ai.response.finish_reasons']).toEqual(['length', 'length']);
  });

  test.each([
    ['/v1/completions', { prompt: 'Once', max_tokens: 2, model: STARTER_MODEL }],
    ['/v1/messages', { ...user('Hello'), max_tokens: 2, model: STARTER_MODEL }],
    ['/v1/responses', { input: 'Hello', max_output_tokens: 2, model: STARTER_MODEL }],
  ])('tells the stages of %s', async (path, body) => {
    const trace = newTrace();
    const reply = await fetch(`${daemon.summary.address}${path}`, { method: 'POST', body: JSON.stringify(body), ...from(trace) });
    expect(reply.status).toBe(200);
    const spans = await spansOf(receiver, trace, { request: 1, queue: 1, prefill: 1, decode: 1 });
    expect(byName(spans, 'request')[0]!.attributes['http.route']).toBe(path);
  });

  test('tells the stages of a turn of an agent', async () => {
    const trace = newTrace();
    const post = (path: string, body: object): Promise<Response> =>
      fetch(`${daemon.summary.address}${path}`, { method: 'POST', body: JSON.stringify(body), ...from(trace) });
    await post('/v1/agents', { id: 'ada' });
    await (await post('/v1/agents/ada/generate', { input: 'Hello', max_tokens: 2 })).json();
    const spans = await spansOf(receiver, trace, { request: 2, decode: 1 });
    expect(byName(spans, 'request').map(({ attributes }) => attributes['http.route'])).toEqual(['/v1/agents', '/v1/agents/:id/generate']);
    expect(byName(spans, 'decode')[0]!.attributes['semantic.agent_id']).toBe('ada');
  });

  test('tells what was refused, and what its client gave up, with the stage it was in', async () => {
    const refused = newTrace();
    expect((await daemon.chat(user('x '.repeat(5000)), from(refused))).status).toBe(400);
    const spans = await spansOf(receiver, refused, { request: 1 });
    expect(spans.length).toBe(1);
    expect(spans[0]).toMatchObject({
      status: null, // the server did what it should
      attributes: { 'http.response.status_code': 400, 'error.type': 'context_length_exceeded' },
    });
    const cancelled = newTrace();
    const gone = new AbortController();
    const story = await daemon.chat({ ...user('A story.'), ignore_eos: true, stream: true }, { ...from(cancelled), signal: gone.signal });
    const reader = story.body!.getReader();
    for (let text = ''; !/"content":"[^"]/.test(text);) text += new TextDecoder().decode((await reader.read()).value);
    gone.abort();
    const left = await spansOf(receiver, cancelled, { request: 1, decode: 1 });
    expect(byName(left, 'decode')[0]).toMatchObject({ status: null, attributes: { 'error.type': 'cancelled' } });
    expect(byName(left, 'request')[0]!.attributes['error.type']).toBe('cancelled');
    const late = newTrace();
    await (await daemon.chat({ ...user('Another.'), ignore_eos: true, timeout_ms: 300 }, from(late))).text();
    const cut = await spansOf(receiver, late, { request: 1, decode: 1 });
    expect(byName(cut, 'decode')[0]).toMatchObject({ status: { code: 2, message: 'deadline_exceeded' } });
  });

  test('begins traces of its own where none came, goes on with none that is not sampled, and leaves out what is polled', async () => {
    const own = await daemon.chat({ ...user('Hello'), max_tokens: 1 });
    const [, trace, span, flags] = own.headers.get('traceparent')!.split('-');
    expect(flags).toBe('01');
    const spans = await spansOf(receiver, trace!, { request: 1, decode: 1 });
    expect(byName(spans, 'request')[0]).toMatchObject({ parentId: null, spanId: span, flags: 0x101 });
    const unsampled = newTrace();
    const reply = await daemon.chat({ ...user('Hello'), max_tokens: 1 }, from(unsampled, '00'));
    expect(reply.headers.get('traceparent')).toMatch(new RegExp(`^00-${unsampled}-[\\da-f]{16}-00$`));
    const polled = await fetch(`${daemon.summary.address}/health/ready`);
    expect(polled.headers.get('traceparent')).toMatch(/-00$/);
    const asked = newTrace();
    await fetch(`${daemon.summary.address}/health/ready`, from(asked));
    await spansOf(receiver, asked, { request: 1 }); // its caller wants to see it
    const seen = receiver.spans().map(({ traceId }) => traceId);
    expect(seen).not.toContain(unsampled);
    expect(seen).not.toContain(polled.headers.get('traceparent')!.split('-')[1]);
  });

  test('sends what there is when it stops', async () => {
    const trace = newTrace();
    await (await daemon.chat({ ...user('The last one.'), max_tokens: 1 }, from(trace))).json();
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toEqual([0, null]);
    const names = receiver.spans().flatMap(({ traceId, name }) => (traceId === trace ? [name] : []));
    expect(names.sort()).toEqual(['decode', 'prefill', 'queue', 'request']);
    expect(daemon.stderr()).not.toContain('[traces]');
  });
});

test('an exchange of models is a span of the request that asked for it, with its states, and agents are not named unless that is wanted', async () => {
  const models = createTwoModels();
  const receiver = await startReceiver();
  const daemon = await startDaemon([], {
    SEMANTIC_HOME: models.path,
    SEMANTIC_TRACES_SAMPLE_RATIO: '0',
    OTEL_EXPORTER_OTLP_ENDPOINT: `${receiver.endpoint}/`,
  });
  try {
    const swap = async (trace: string, model: string): Promise<readonly ReceivedSpan[]> => {
      const body = JSON.stringify({ model, stream: true });
      await (await fetch(`${daemon.summary.address}/v1/admin/models/swap`, { method: 'POST', body, ...from(trace) })).text();
      return spansOf(receiver, trace, { request: 1, swap: 1 });
    };
    const trace = newTrace();
    const spans = await swap(trace, OTHER_MODEL);
    const [done] = byName(spans, 'swap');
    assertTimes(spans);
    expect(done).toMatchObject({
      parentId: byName(spans, 'request')[0]!.spanId,
      status: null,
      attributes: {
        'semantic.from_model': STARTER_MODEL,
        'semantic.model': OTHER_MODEL,
        'semantic.outcome': 'done',
        'semantic.cut_answers': 0,
      },
    });
    expect(done!.events.map(({ name }) => name)).toEqual([
      'preparing',
      'draining',
      'persisting',
      'unloading',
      'loading',
      'resuming',
      'done',
    ]);
    expect(done!.events[0]!.at).toBe(done!.start);
    expect(done!.events.at(-1)!.at).toBe(done!.end);

    const turn = newTrace();
    const body = JSON.stringify({ ...user('Hello'), max_tokens: 1, user: 'somebody' });
    const url = `${daemon.summary.address}/v1/chat/completions`;
    await (await fetch(url, { method: 'POST', body: JSON.stringify({ ...JSON.parse(body), model: OTHER_MODEL }), ...from(turn) })).json();
    const [decode] = byName(await spansOf(receiver, turn, { decode: 1 }), 'decode');
    expect(Object.keys(decode!.attributes)).not.toContain('semantic.agent_id');
    const unasked = await fetch(url, { method: 'POST', body: JSON.stringify({ ...JSON.parse(body), model: OTHER_MODEL }) });
    expect(unasked.headers.get('traceparent')).toMatch(/-00$/); // of those that come without a trace none is wanted
  } finally {
    await daemon.stop();
    await receiver.stop();
    models.remove();
  }
});

describe('a receiver that', () => {
  const ask = async (daemon: TestDaemon, times: number): Promise<void> => {
    for (let i = 0; i < times; i++) expect((await daemon.chat({ ...user(`Hello ${i}`), max_tokens: 2 })).status).toBe(200);
  };
  const lost = (text: string): readonly string[] => text.split('\n').filter((line) => line.includes('spans for'));

  test.each([
    ['is not there', null, /were lost: ECONNREFUSED/],
    ['answers 500', '500', /were lost: it answered 500/],
    ['says nothing', 'hang', /were lost: it did not take them before the daemon stopped/],
  ] as const)('%s costs no request, one line, and no time when the daemon stops', async (_, behaviour, said) => {
    const receiver = await startReceiver(behaviour ?? 'ok');
    if (behaviour === null) await receiver.stop();
    const daemon = await startDaemon([], {
      SEMANTIC_TRACES_OTLP_ENDPOINT: receiver.endpoint,
      SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '1',
    });
    await ask(daemon, 4);
    if (behaviour === 'hang') await until(receiver.requests, ({ length }) => length === 1); // the daemon stops while it waits for the answer
    if (behaviour !== 'hang')
      await until(
        () => daemon.stderr(),
        (text) => lost(text).length > 0,
      );
    await ask(daemon, 4);
    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toEqual([0, null]);
    const lines = lost(daemon.stderr());
    expect(lines[0]).toMatch(said);
    expect(lines[0]).toContain('"level":40');
    expect(lines.length).toBeLessThanOrEqual(2); // the rest of the minute is said when it ends
    await receiver.stop();
    await daemon.stop();
  });
});

test.each([
  [{ SEMANTIC_TRACES_OTLP_ENDPOINT: 'localhost:4318' }, 'traces.otlp_endpoint: wanted an address'],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a b' }, 'OTEL_EXPORTER_OTLP_ENDPOINT: wanted an address'],
  [{ SEMANTIC_TRACES_SAMPLE_RATIO: '2' }, 'traces.sample_ratio = 2'],
])('%j keeps a daemon from starting, with what is wanted', async (env, wanted) => {
  const home = createHome();
  const { exitCode, stderr } = await semantic(['serve', '--port', '0'], { home: home.path, env });
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining(wanted)]);
  home.remove();
});
