/** Models that come and go under real engines, with a real store: agents stay, and whatever fails, one of the two models answers. */
import { readdirSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../../src/adapters/config/load-config.js';
import { LOCAL_SCOPE, type Caller } from '../../../src/core/domain/agent.js';
import type { CacheReport } from '../../../src/core/domain/cache-report.js';
import { type GenerationRequest, NOBODYS_KV } from '../../../src/core/domain/request.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import type { SwapJob } from '../../../src/core/residency/swap-report.js';
import { type OpenedEngine, openEngine } from '../../../src/server/open-engine.js';
import { openStore } from '../../../src/server/open-store.js';
import { namesHere } from '../../../src/server/served-models.js';
import { until } from '../../support/daemon.js';
import { STARTER_MODEL } from '../../support/starter-model.js';
import { createTwoModels, OTHER_MODEL, type TwoModels } from '../../support/two-models.js';

const caller: Caller = { scope: LOCAL_SCOPE, seesAll: false };
const logged: string[] = [];
let home: TwoModels;
let opened: OpenedEngine;
let stores = 0;

beforeAll(() => {
  home = createTwoModels();
  process.env['SEMANTIC_HOME'] = home.path;
});
afterEach(async () => {
  await opened.close();
  logged.length = 0;
});
afterAll(() => {
  delete process.env['SEMANTIC_HOME'];
  home.remove();
});

async function open(flags: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const directory = join(home.path, `kv-${stores++}`);
  const settings = loadConfig({
    environment: { SEMANTIC_HOME: home.path },
    workingDirectory: home.path,
    flags: { 'model.default': STARTER_MODEL, 'model.context': 2048, 'store.directory': directory, 'store.min_free_mb': 0, ...flags },
  });
  opened = await openEngine(settings, {
    openStore: (checksumFile) => openStore(settings.store, checksumFile, pino({ level: 'silent' })),
    openNames: (resident) => namesHere(settings.model.aliases, resident, (error) => logged.push(String(error))),
    log: (message) => logged.push(message),
  });
}

interface Turn {
  readonly text: string;
  readonly logprobs: readonly number[];
  readonly report: CacheReport;
}

async function turn(id: string, content: string, changed: { readonly model?: string; readonly maxTokens?: number } = {}): Promise<Turn> {
  const request = {
    messages: [{ role: 'user', content }],
    tools: null,
    busy: null,
    sampling: { ...GREEDY, seed: 1n },
    logprobs: true,
    maxTokens: 12,
    stopStrings: [],
    stopTokenIds: [],
    ignoreEos: true,
    ...changed,
  };
  let text = '';
  let report: CacheReport | null = null;
  const logprobs: number[] = [];
  for await (const event of opened.agents.generate(id, request, caller)) {
    if (event.type === 'started') report = event.cache;
    if (event.type === 'token') {
      text += event.text;
      logprobs.push(event.logprob!.logprob);
    }
  }
  return { text, logprobs, report: report! };
}

async function swapped(job: SwapJob): Promise<string> {
  for await (const _ of job.follow());
  return job.state;
}

const plain = (content: string, maxTokens = 400): GenerationRequest => ({
  messages: [{ role: 'user', content }],
  tools: [],
  sampling: GREEDY,
  logprobs: false,
  maxTokens,
  stopStrings: [],
  stopTokenIds: [],
  ignoreEos: true,
  ...NOBODYS_KV,
});

/** Text so far, and how it ended. */
async function read(
  model: string | null,
  content: string,
  maxTokens?: number,
): Promise<{ readonly text: string; readonly error: unknown }> {
  let text = '';
  try {
    const { engine } = await opened.models.acquire(model);
    for await (const event of engine.submit(plain(content, maxTokens))) if (event.type === 'token') text += event.text;
    return { text, error: null };
  } catch (error) {
    return { text, error };
  }
}

/** The second turn of a conversation that nothing came between. */
async function withoutSwap(): Promise<Turn> {
  await open();
  await opened.agents.create({ id: 'a' }, caller);
  await turn('a', QUESTION);
  const second = await turn('a', 'And which came last?');
  await opened.close();
  return second;
}

const untilRunning = (count: number): Promise<number> =>
  until(
    () => opened.engine.status().running,
    (running) => running === count,
  );

const untilSwapping = (): Promise<string> =>
  until(
    () => opened.models.state,
    (state) => state === 'swapping',
  );

const QUESTION = `Here are some words to remember: ${'apple pear plum grape melon '.repeat(60)}. Which came first?`;

describe('agents', () => {
  test('A -> B -> A: the next turn finds all of its KV, and every log-probability is what it would have been', async () => {
    const expected = await withoutSwap();
    await open();
    await opened.agents.create({ id: 'a' }, caller);
    await turn('a', QUESTION);
    expect(await swapped(opened.models.swap(OTHER_MODEL))).toBe('done');
    expect(opened.engine.model.id).toBe(OTHER_MODEL);
    expect(await swapped(opened.models.swap(STARTER_MODEL))).toBe('done');
    const back = await turn('a', 'And which came last?');
    expect(back.text).toBe(expected.text);
    expect(back.logprobs).toEqual(expected.logprobs);
    expect(back.report).toMatchObject({ cachedTokens: expected.report.cachedTokens, source: 'disk', miss: null });
  });

  test('a turn with the other model in between costs the first model only the tokens of that turn', async () => {
    await open();
    await opened.agents.create({ id: 'a' }, caller);
    const first = await turn('a', QUESTION);
    const { tokens, fingerprint } = opened.agents.show('a', caller);
    await swapped(opened.models.swap(OTHER_MODEL));
    const other = await turn('a', 'And which came last?');
    expect(other.report).toMatchObject({ cachedTokens: 0, miss: { cause: 'other_fingerprint' } });
    expect(opened.agents.show('a', caller)).toMatchObject({ elsewhere: [{ fingerprint, tokens }] });
    await swapped(opened.models.swap(STARTER_MODEL));
    const back = await turn('a', 'Thank you.');
    // All but the token sampled last, which never had KV.
    expect(back.report.cachedTokens).toBeGreaterThanOrEqual(first.report.promptTokens + 11);
  });

  test('what an agent had with another model outlives the process', async () => {
    await open({ 'store.directory': join(home.path, 'kv-kept') });
    await opened.agents.create({ id: 'a' }, caller);
    await turn('a', QUESTION);
    await swapped(opened.models.swap(OTHER_MODEL));
    await turn('a', 'And which came last?');
    const { elsewhere } = opened.agents.show('a', caller);
    await opened.close();
    await open({ 'store.directory': join(home.path, 'kv-kept') });
    expect(opened.agents.show('a', caller).elsewhere).toEqual(elsewhere);
    expect((await turn('a', 'Thank you.')).report.cachedTokens).toBeGreaterThan(300);
  });
});

describe('requests while a model is exchanged', () => {
  test('running answers end, and those that come meanwhile are answered by the new model', async () => {
    await open();
    const running = Array.from({ length: 8 }, (_, i) => read(null, `Count to ${i + 10}.`, 60));
    await untilRunning(8);
    const job = opened.models.swap(OTHER_MODEL);
    await untilSwapping();
    const waiting = [opened.models.acquire(null), opened.models.acquire('claude-opus-4')];
    expect(await swapped(job)).toBe('done');
    expect(job.cut).toBe(0);
    expect((await Promise.all(running)).map(({ error }) => error)).toEqual(Array(8).fill(null));
    expect((await Promise.all(waiting)).map(({ name }) => name)).toEqual([OTHER_MODEL, OTHER_MODEL]);
    expect(logged).toEqual([]);
  });

  test('answers that do not end in time are cut with an error that says why', async () => {
    await open();
    const running = read(null, 'Tell me a long story.', 1900);
    await until(
      () => opened.engine.status().tokens.generated,
      (count) => count > 0,
    );
    const job = opened.models.swap(OTHER_MODEL, 0);
    expect(await swapped(job)).toBe('done');
    expect(job.cut).toBe(1);
    expect((await running).error).toMatchObject({ code: 'ModelUnavailable', status: 503, message: expect.stringContaining(OTHER_MODEL) });
  });

  test('limits that were changed at run time are those of the new model too', async () => {
    await open();
    opened.setLimits({ maxQueue: 7, batchWindowMs: 3 });
    expect(() => opened.setLimits({ maxPrefillTokens: 1_000_000 })).toThrow(/prefill_chunk_tokens/);
    expect(await swapped(opened.models.swap(OTHER_MODEL))).toBe('done');
    expect(opened.engine.scheduling().limits).toMatchObject({ maxQueue: 7, batchWindowMs: 3, maxPrefillTokens: 512 });
  });

  test('more than may wait are refused with a time to come again', async () => {
    await open({ 'models.max_waiting': 1 });
    const running = read(null, 'Tell me a long story.', 300);
    await untilRunning(1);
    const job = opened.models.swap(OTHER_MODEL);
    await untilSwapping();
    const first = opened.models.acquire(null);
    await expect(opened.models.acquire(null)).rejects.toMatchObject({ code: 'ModelUnavailable', retryAfterSeconds: 2 });
    const gone = AbortSignal.abort();
    await expect(opened.models.acquire(null, gone)).rejects.toMatchObject({ code: 'ModelUnavailable' }); // no place for it either
    await swapped(job);
    expect((await first).name).toBe(OTHER_MODEL);
    expect((await running).error).toBeNull();
  });

  test('whoever goes away does not wait on, and nobody waits for ever', async () => {
    await open({ 'models.wait_seconds': 0.05 });
    const running = read(null, 'Tell me a long story.', 300);
    await untilRunning(1);
    const job = opened.models.swap(OTHER_MODEL);
    await untilSwapping();
    const gone = new AbortController();
    const left = opened.models.acquire(null, gone.signal);
    gone.abort();
    await expect(left).rejects.toMatchObject({ code: 'Cancelled' });
    await expect(opened.models.acquire(null)).rejects.toMatchObject({
      code: 'ModelUnavailable',
      message: expect.stringContaining('0.05 s'),
    });
    expect(opened.models.waiting).toBe(0);
    await running;
    await swapped(job);
  });

  test('a second exchange is refused while one goes on', async () => {
    await open();
    const job = opened.models.swap(OTHER_MODEL);
    expect(() => opened.models.swap(OTHER_MODEL)).toThrow(expect.objectContaining({ code: 'ModelConflict', status: 409 }));
    await swapped(job);
    expect(opened.models.swapJob(job.id)?.report()).toMatchObject({ state: 'done', from: STARTER_MODEL, to: OTHER_MODEL, error: null });
  });

  test('the same model under another name takes its place without a pause', async () => {
    home.addTwin('twin');
    await open();
    const running = read(null, 'Tell me a long story.', 200);
    await untilRunning(1);
    const job = opened.models.swap('twin');
    expect(await swapped(job)).toBe('done');
    expect(job.report().states.map(({ state }) => state)).toEqual(['preparing', 'done']);
    expect((await running).error).toBeNull();
    expect((await opened.models.acquire(null)).name).toBe('twin');
    await expect(opened.models.acquire(STARTER_MODEL)).rejects.toMatchObject({ code: 'ModelNotFound' });
  });
});

describe('when it fails', () => {
  test('a model that is damaged before it is loaded leaves everything as it was, running answers too', async () => {
    const file = home.addOther('cut', 1000);
    truncateSync(file, 1_000_000);
    await open();
    const running = read(null, 'Tell me a long story.', 100);
    const job = opened.models.swap('cut');
    expect(await swapped(job)).toBe('rolled_back');
    expect(job.report()).toMatchObject({ error: expect.stringContaining('cut.gguf'), cut: 0 });
    expect((await running).error).toBeNull();
    expect((await opened.models.acquire(null)).name).toBe(STARTER_MODEL);
  });

  test('a model whose file goes away while the old one leaves: the old one comes back, and its agents go on as if nothing had been', async () => {
    const file = home.addOther('vanishes', 2000);
    const expected = await withoutSwap();
    await open();
    await opened.agents.create({ id: 'a' }, caller);
    await turn('a', QUESTION);
    const job = opened.models.swap('vanishes');
    for await (const { state } of job.follow()) if (state === 'draining') renameSync(file, `${file}.gone`);
    expect(job.report().states.map(({ state }) => state)).toEqual([
      'preparing',
      'draining',
      'persisting',
      'unloading',
      'loading',
      'rolling_back',
      'rolled_back',
    ]);
    const back = await turn('a', 'And which came last?');
    expect(back.logprobs).toEqual(expected.logprobs);
    expect(back.report.cachedTokens).toBe(expected.report.cachedTokens);
    expect(opened.stats().weightBytes).toBe(opened.weightBytes);
  });

  test('when neither comes back requests are told so, and a model that can be loaded makes all well', async () => {
    const file = home.addOther('first', 3000);
    await open({ 'model.default': 'first' });
    const job = opened.models.swap(OTHER_MODEL);
    for await (const { state } of job.follow()) {
      if (state !== 'draining') continue;
      renameSync(file, `${file}.gone`);
      renameSync(home.otherFile, `${home.otherFile}.gone`);
    }
    renameSync(`${home.otherFile}.gone`, home.otherFile);
    expect(job.state).toBe('failed');
    expect(opened.models.state).toBe('empty');
    expect(opened.stats().weightBytes).toBe(0);
    await expect(opened.models.acquire(null)).rejects.toMatchObject({ code: 'ModelUnavailable' });
    await opened.models.load(OTHER_MODEL);
    expect((await read(null, 'Hello.', 4)).error).toBeNull();
    expect(opened.models.state).toBe('ready');
  });
});

describe('several models in memory', () => {
  test('each answers by its name, they share the memory for KV, and what is unloaded gives it back', async () => {
    await open({ 'models.max_resident': 2 });
    const whole = opened.engine.kv.pool.counts().totalBytes;
    const alone = await read(null, 'Name three colours.', 12);
    await opened.models.load(OTHER_MODEL);
    expect(opened.stats().weightBytes).toBe(2 * opened.weightBytes);
    const shares = opened.models.list().map(({ model }) => model.engine.kv.pool.counts().totalBytes);
    expect(shares[0]).toBe(shares[1]);
    expect(shares[0]).toBeLessThan(whole / 2);
    const [one, two] = await Promise.all([read(STARTER_MODEL, 'Name three colours.', 12), read(OTHER_MODEL, 'Name three colours.', 12)]);
    expect(one.text).toBe(alone.text);
    expect(two.text).not.toBe(alone.text);
    await opened.models.unload(OTHER_MODEL);
    expect(opened.stats().weightBytes).toBe(opened.weightBytes);
    expect(opened.engine.kv.pool.counts().totalBytes).toBe(whole);
  });

  test('an exchange for one that is there already takes the other one away, and its memory for KV comes along', async () => {
    await open({ 'models.max_resident': 2 });
    const whole = opened.engine.kv.pool.counts().totalBytes;
    await opened.models.load(OTHER_MODEL);
    expect(await swapped(opened.models.swap(OTHER_MODEL))).toBe('done');
    expect(opened.models.list().map(({ name }) => name)).toEqual([OTHER_MODEL]);
    expect(opened.engine.kv.pool.counts().totalBytes).toBe(whole);
  });

  test('a load that running answers leave no memory for is refused, and nothing changes', async () => {
    const settings = { 'models.max_resident': 2, 'engine.memory_budget_bytes': 2 * 98_000_000 + 2 * 167_772_160 + 30_000_000 };
    await open(settings);
    const before = opened.engine.kv.pool.counts().totalBytes;
    const running = read(null, 'Tell me a long story.', 900);
    await until(
      () => opened.engine.kv.pool.counts().usedBytes,
      (bytes) => bytes > 18_000_000,
    );
    await expect(opened.models.load(OTHER_MODEL)).rejects.toMatchObject({ code: 'OutOfMemory', status: 503 });
    expect(opened.engine.kv.pool.counts().totalBytes).toBe(before);
    expect((await running).error).toBeNull();
    expect(opened.stats().weightBytes).toBe(opened.weightBytes);
  });

  test('a model that can never fit is refused with the figures and what would fit, before anything leaves', async () => {
    await open({ 'engine.memory_budget_bytes': 98_500_000 + 167_772_160 + 20_000_000, 'models.max_resident': 2 });
    await expect(opened.models.load(OTHER_MODEL)).rejects.toMatchObject({
      code: 'OutOfMemory',
      message: expect.stringMatching(
        /^\[memory\] other needs \d+ MB \(99 MB of weights, .* the budget is 287 MB, of which other models hold/,
      ),
      hint: expect.stringContaining('It fits when the other models leave memory.'),
    });
    expect((await read(null, 'Hello.', 4)).error).toBeNull();
  });

  test('what is pinned stays, and one more than may be there has no place', async () => {
    await open();
    opened.models.pin(STARTER_MODEL, true);
    expect(() => opened.models.swap(OTHER_MODEL)).toThrow(expect.objectContaining({ code: 'ModelConflict' }));
    await expect(opened.models.unload(STARTER_MODEL)).rejects.toMatchObject({ code: 'ModelConflict' });
    await expect(opened.models.load(OTHER_MODEL)).rejects.toMatchObject({
      code: 'ModelConflict',
      message: expect.stringContaining('1 models may be in memory'),
    });
    await expect(opened.models.load('no-such-model')).rejects.toMatchObject({ code: 'ModelNotFound' });
    expect((await opened.models.acquire(null)).name).toBe(STARTER_MODEL);
  });

  test('the least recently used of those that may go makes way', async () => {
    home.addOther('third', 4000);
    await open({ 'models.max_resident': 2 });
    await opened.models.load(OTHER_MODEL);
    await opened.models.load('third');
    expect(
      opened.models
        .list()
        .map(({ name }) => name)
        .sort(),
    ).toEqual([STARTER_MODEL, 'third']);
  });

  test('a request for a model that is not in memory is a 404 that says what to do, unless it may be loaded for it', async () => {
    await open();
    await expect(opened.models.acquire(OTHER_MODEL)).rejects.toMatchObject({
      code: 'ModelNotFound',
      status: 404,
      hint: expect.stringContaining('semantic models swap other'),
    });
    await opened.close();
    await open({ 'models.autoload': true });
    const [one, two] = await Promise.all([opened.models.acquire(OTHER_MODEL), opened.models.acquire(OTHER_MODEL)]);
    expect([one.name, two.name]).toEqual([OTHER_MODEL, OTHER_MODEL]);
    expect(opened.models.list().map(({ name }) => name)).toEqual([OTHER_MODEL]);
  });

  test('a model that nobody uses leaves, and comes back when it is asked for', async () => {
    await open({ 'models.autoload': true, 'models.ttl_seconds': 1 });
    await new Promise((resolve) => setTimeout(resolve, 1100));
    await opened.models.sweep();
    expect(opened.models.list()).toEqual([]);
    expect(opened.stats().weightBytes).toBe(0);
    expect((await read(null, 'Hello.', 4)).error).toBeNull();
  });
});

test('many exchanges leave nothing behind: weights, KV and descriptors are what they were', async () => {
  await open();
  const descriptors = (): number => readdirSync('/proc/self/fd').length;
  await swapped(opened.models.swap(OTHER_MODEL));
  await swapped(opened.models.swap(STARTER_MODEL));
  const before = { fds: descriptors(), weights: opened.stats().weightBytes, kv: opened.stats().kvBytes };
  for (let i = 0; i < 4; i++) {
    await swapped(opened.models.swap(OTHER_MODEL));
    await swapped(opened.models.swap(STARTER_MODEL));
  }
  expect({ fds: descriptors(), weights: opened.stats().weightBytes, kv: opened.stats().kvBytes }).toEqual(before);
  expect(logged).toEqual([]);
});
