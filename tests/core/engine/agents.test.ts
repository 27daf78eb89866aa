/** Agents over the real engine, the real model and a real directory. Whatever is reused must give the text of a cold start. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import pino from 'pino';
import { loadConfig } from '../../../src/adapters/config/load-config.js';
import type { Config } from '../../../src/adapters/config/schema.js';
import { LOCAL_SCOPE, type Caller } from '../../../src/core/domain/agent.js';
import type { CacheReport } from '../../../src/core/domain/cache-report.js';
import { GREEDY } from '../../../src/core/domain/sampling.js';
import { BLOCK_TOKENS } from '../../../src/core/domain/model-cache-spec.js';
import type { AgentTurnRequest } from '../../../src/core/engine/agent-service.js';
import { Agents } from '../../../src/core/engine/agents.js';
import { ResidentEngines } from '../../../src/core/engine/resident-engines.js';
import type { ChecksumFile, KvStore } from '../../../src/core/ports.js';
import { type OpenedEngine, openEngine } from '../../../src/server/open-engine.js';
import { openStore } from '../../../src/server/open-store.js';
import { createHome } from '../../support/run-semantic.js';
import { until } from '../../support/daemon.js';
import { starterModelFile } from '../../support/starter-model.js';

const home = createHome();
const local: Caller = { scope: LOCAL_SCOPE, seesAll: false };
const directories: string[] = [];
const engines: OpenedEngine[] = [];

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'semantic-agents-'));
  directories.push(directory);
  return directory;
}

function settingsFor(directory: string, flags: Record<string, unknown> = {}): Config {
  return loadConfig({
    environment: { SEMANTIC_HOME: home.path },
    workingDirectory: home.path,
    flags: { 'model.default': starterModelFile(), 'model.context': 2048, 'store.directory': directory, 'store.min_free_mb': 0, ...flags },
  });
}

async function open(directory: string, flags: Record<string, unknown> = {}): Promise<OpenedEngine> {
  const settings = settingsFor(directory, flags);
  const opened = await openEngine(settings, {
    openStore: (checksumFile) => openStore(settings.store, checksumFile, pino({ level: 'silent' })),
  });
  engines.push(opened);
  return opened;
}

async function close(opened: OpenedEngine): Promise<void> {
  engines.splice(engines.indexOf(opened), 1);
  await opened.close();
}

afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  home.remove();
});

function turn(content: string, changed: Partial<AgentTurnRequest> = {}): AgentTurnRequest {
  return {
    messages: [{ role: 'user', content }],
    tools: null,
    sampling: { ...GREEDY, seed: 1n },
    logprobs: false,
    maxTokens: 12,
    stopStrings: [],
    stopTokenIds: [],
    ignoreEos: true,
    busy: null,
    ...changed,
  };
}

interface Answer {
  readonly agent: string;
  readonly text: string;
  readonly tokens: number[];
  readonly cache: CacheReport;
}

async function ask(agents: Agents, id: string, request: AgentTurnRequest, caller = local, signal?: AbortSignal): Promise<Answer> {
  let [agent, text] = ['', ''];
  let cache: CacheReport | null = null;
  for await (const event of agents.generate(id, request, caller, signal === undefined ? {} : { signal })) {
    if (event.type === 'agent') agent = event.id;
    if (event.type === 'started') cache = event.cache;
    if (event.type === 'token') text += event.text;
    if (event.type === 'finished') return { agent, text, tokens: [...event.tokens!], cache: cache! };
  }
  throw new Error('the turn did not finish');
}

const LONG = `The following is a long report. ${'It says that bread is made of flour, water, salt and time. '.repeat(36)}`;

/** What a fresh engine without any cache answers to the same conversation. */
async function cold(cacheless: OpenedEngine, said: readonly string[]): Promise<Answer[]> {
  const { id } = await cacheless.agents.create({ policy: { persist: 'none' } }, local);
  const answers: Answer[] = [];
  for (const content of said) answers.push(await ask(cacheless.agents, id, turn(content)));
  return answers;
}

describe('an agent', () => {
  let opened: OpenedEngine;
  let reference: Answer[];
  const said = [LONG, 'What is bread made of?', 'And what else?'];
  beforeAll(async () => {
    const cacheless = await open(newDirectory(), { 'store.enabled': false });
    reference = await cold(cacheless, said);
    await close(cacheless);
    opened = await open(newDirectory());
  });
  afterAll(() => close(opened));

  test('that keeps nothing reads everything again', () => {
    expect(reference.map(({ cache }) => cache.cachedTokens)).toEqual([0, 0, 0]);
  });

  test('prefills only what is new of its next turn, and says what a cold start says', async () => {
    await opened.agents.create({ id: 'baker' }, local);
    const answers: Answer[] = [];
    for (const content of said) answers.push(await ask(opened.agents, 'baker', turn(content)));
    expect(answers.map(({ tokens }) => tokens)).toEqual(reference.map(({ tokens }) => tokens));
    // All of the turn before but its last token, which was sampled and never read.
    expect(answers.map(({ cache }) => [cache.cachedTokens, cache.source, cache.miss])).toEqual([
      [0, 'none', expect.objectContaining({ cause: 'never_seen' })],
      [answers[0]!.tokens.length - 1, 'memory', null],
      [answers[1]!.tokens.length - 1, 'memory', null],
    ]);
    const view = opened.agents.show('baker', local);
    expect(view).toMatchObject({ state: 'idle', place: { memoryTokens: answers[2]!.tokens.length - 1 }, messages: { length: 6 } });
    expect(view.turns.map(({ messages }) => messages)).toEqual([2, 4, 6]);
  });

  test('forks without copying a byte of KV, and its children go on as it would have', async () => {
    await opened.engine.parking.flush();
    const before = opened.stats();
    const forking = Promise.all(Array.from({ length: 10 }, (_, i) => opened.agents.fork('baker', { id: `child-${i}` }, local)));
    opened.engine.checkIntegrity(); // what forks have set aside is known while they are made
    const children = await forking;
    const after = opened.stats();
    expect([after.kvBytes - before.kvBytes, after.kvCopiedBytes - before.kvCopiedBytes]).toEqual([0, 0]);
    expect(children.map(({ parent, place }) => [parent, place.memoryTokens])).toEqual(
      Array.from({ length: 10 }, () => ['baker', opened.agents.show('baker', local).place.memoryTokens]),
    );
    const [parent, child] = [await ask(opened.agents, 'baker', turn('Why?')), await ask(opened.agents, 'child-3', turn('Why?'))];
    expect(child.tokens).toEqual(parent.tokens);
    expect(child.cache).toMatchObject({ source: 'memory', miss: null });
    expect(child.cache.cachedTokens).toBeGreaterThanOrEqual(parent.cache.cachedTokens); // its parent has asked the same by now
    expect(opened.agents.show('baker', local).children).toHaveLength(10);
  });

  test('rewinds to an earlier turn, and answers as then', async () => {
    await opened.agents.rewind('child-3', { turns: 3 }, local);
    expect(opened.agents.show('child-3', local).messages).toHaveLength(2);
    const again = await ask(opened.agents, 'child-3', turn(said[1]!));
    expect(again.tokens).toEqual(reference[1]!.tokens);
    expect(again.cache.cachedTokens).toBeGreaterThanOrEqual(reference[0]!.tokens.length - 1);
  });

  test('one turn at a time: a second waits, or answers as a new child', async () => {
    const { id } = await opened.agents.fork('baker', {}, local);
    const [first, second] = await Promise.all([ask(opened.agents, id, turn('One?')), ask(opened.agents, id, turn('Two?'))]);
    expect([first.agent, second.agent]).toEqual([id, id]);
    expect(
      opened.agents
        .show(id, local)
        .messages.filter(({ role }) => role === 'user')
        .map(({ content }) => content)
        .slice(-2),
    ).toEqual(['One?', 'Two?']);
    const [one, two] = await Promise.all([ask(opened.agents, id, turn('One?')), ask(opened.agents, id, turn('Two?', { busy: 'fork' }))]);
    expect(one.agent).toBe(id);
    expect(opened.agents.show(two.agent, local).parent).toBe(id);
  });

  test('a turn that waits can be given up, and the next one still comes', async () => {
    const { id } = await opened.agents.fork('baker', {}, local);
    const first = ask(opened.agents, id, turn('One?'));
    await expect(ask(opened.agents, id, turn('Two?'), local, AbortSignal.timeout(1))).rejects.toBeDefined();
    const third = ask(opened.agents, id, turn('Three?'));
    await Promise.all([first, third]);
    expect(opened.agents.show(id, local)).toMatchObject({ state: 'idle' });
  });

  test('a cancelled turn leaves the agent as it was', async () => {
    const { id, messages } = await opened.agents.fork('baker', {}, local);
    for await (const event of opened.agents.generate(id, turn('Tell me everything.', { maxTokens: 400 }), local))
      if (event.type === 'token') break;
    await opened.engine.drain();
    expect(opened.agents.show(id, local)).toMatchObject({ state: 'idle', messages });
  });

  test('its quota is kept, and the error says how', async () => {
    const { id, tokens } = await opened.agents.fork('baker', {}, local);
    await expect(opened.agents.setPolicy(id, { maxTokens: 10 }, local)).rejects.toMatchObject({ code: 'QuotaExceeded' });
    await opened.agents.setPolicy(id, { maxTokens: tokens.length + 40 }, local);
    const { tokens: after } = await ask(opened.agents, id, turn('More?', { maxTokens: 500 }));
    expect(after.length).toBe(tokens.length + 40);
    await expect(ask(opened.agents, id, turn('More?'))).rejects.toMatchObject({
      code: 'QuotaExceeded',
      hint: expect.stringContaining('quota') as string,
    });
  });

  test('another API key neither sees it nor finds its KV', async () => {
    const other: Caller = { scope: 'other key', seesAll: false };
    expect(() => opened.agents.show('baker', other)).toThrow(expect.objectContaining({ code: 'AgentNotFound' }));
    expect(opened.agents.list(other)).toEqual([]);
    const { id } = await opened.agents.create({}, other);
    const answer = await ask(opened.agents, id, turn(LONG), other);
    expect(answer.cache).toMatchObject({ cachedTokens: 0, source: 'none' });
    expect(answer.tokens).toEqual(reference[0]!.tokens);
  });

  test.each([
    ['a taken id', { id: 'baker' }, 'AgentConflict'],
    ['an id that climbs', { id: '../baker' }, 'InvalidRequest'],
    ['an id of 129 characters', { id: 'a'.repeat(129) }, 'InvalidRequest'],
  ])('create() refuses %s', async (_, agent, code) => {
    await expect(opened.agents.create(agent, local)).rejects.toMatchObject({ code });
  });

  test('what was let go from memory comes back from disk, with the same tokens', async () => {
    const expected = await ask(opened.agents, (await opened.agents.fork('baker', {}, local)).id, turn('So?'));
    const gone = await opened.cache.evict({ agent: 'baker', to: 'disk', dryRun: false }, local);
    expect(gone.sequences).toBeGreaterThan(0);
    await opened.cache.evict({ agent: null, to: 'disk', dryRun: false }, { scope: '', seesAll: true });
    expect(opened.agents.show('baker', local).place.memoryTokens).toBe(0);
    const { blocks } = opened.cache.inspectAgent('baker', local);
    expect(blocks.map(({ tier }) => tier)).toEqual(blocks.map(() => 'disk'));
    expect(blocks.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(opened.agents.show('baker', local).place.diskTokens);
    const answer = await ask(opened.agents, 'baker', turn('So?'));
    expect(answer.cache).toMatchObject({ source: 'disk', miss: null });
    expect(answer.cache.cachedTokens).toBeGreaterThanOrEqual(expected.cache.cachedTokens);
    expect(answer.tokens).toEqual(expected.tokens);
  });

  test('a dry run changes nothing', async () => {
    await opened.engine.parking.flush();
    const before = opened.engine.status();
    await opened.cache.evict({ agent: null, to: 'none', dryRun: true }, { scope: '', seesAll: true });
    await opened.agents.remove('baker', { purge: true, dryRun: true }, local);
    expect(opened.engine.status()).toEqual(before);
    expect(opened.agents.show('baker', local).id).toBe('baker');
  });

  test('after all that the bookkeeping agrees with itself', async () => {
    await opened.engine.drain();
    opened.agents.checkIntegrity();
    expect(opened.engine.status().fault).toBeNull();
  });
});

describe('on disk', () => {
  const said = [LONG, 'What is bread made of?'];

  test('agents and their KV outlive the process: a new one prefills only the new turn', async () => {
    const directory = newDirectory();
    const first = await open(directory);
    await first.agents.create({ id: 'a' }, local);
    const answers = [await ask(first.agents, 'a', turn(said[0]!)), await ask(first.agents, 'a', turn(said[1]!))];
    const branch = await first.agents.fork('a', { id: 'b' }, local);
    const expected = await ask(first.agents, 'a', turn('And what else?'));
    await first.agents.rewind('a', { turns: 1 }, local);
    await close(first);

    const second = await open(directory);
    const announced = vi.spyOn(second.store, 'announce');
    expect(second.agents.list(local).map(({ id, parent, tokens }) => [id, parent, tokens.length])).toEqual([
      ['a', null, answers[1]!.tokens.length],
      ['b', 'a', branch.tokens.length],
    ]);
    for (const id of ['a', 'b']) {
      const answer = await ask(second.agents, id, turn('And what else?'));
      expect(answer.tokens).toEqual(expected.tokens);
      expect(answer.cache).toMatchObject({ miss: null });
      expect(answer.cache.cachedTokens).toBeGreaterThanOrEqual(answers[1]!.tokens.length - 1);
    }
    // The disk begins before the prompt is rendered; what is in memory by then is not asked of it again.
    expect(announced.mock.calls.map(([images]) => images.length)).toEqual([Math.ceil(answers[1]!.tokens.length / BLOCK_TOKENS)]);
    await close(second);
  });

  test('purging an agent leaves no block that no one else uses, and what others use stays', async () => {
    const opened = await open(newDirectory());
    await opened.agents.create({ id: 'a' }, local);
    await ask(opened.agents, 'a', turn(LONG));
    await opened.agents.fork('a', { id: 'b' }, local);
    await ask(opened.agents, 'a', turn('What is bread made of?', { maxTokens: 300 }));
    await opened.engine.parking.flush();
    const before = opened.cache.inspect().disk;
    const gone = await opened.agents.remove('a', { purge: true, dryRun: false }, local);
    const after = opened.cache.inspect().disk;
    expect(gone.blocks).toBeGreaterThan(0);
    expect(after.blocks).toBe(before.blocks - gone.blocks);
    expect(after.deadBytes).toBe(0);
    expect(opened.agents.show('b', local).place.diskTokens).toBeGreaterThan(500);
    await opened.agents.remove('b', { purge: true, dryRun: false }, local);
    expect(opened.cache.inspect().disk).toMatchObject({ blocks: 0, images: 0, bytes: 0, agents: 0 });
    await close(opened);
  });

  test('an exported agent goes on elsewhere with the same tokens; KV of another format is refused', async () => {
    const opened = await open(newDirectory());
    await opened.agents.create({ id: 'a' }, local);
    await ask(opened.agents, 'a', turn(LONG));
    const { bytes, chunks } = await opened.agents.exportAgent('a', local);
    const file: Uint8Array[] = [];
    for await (const chunk of chunks) file.push(chunk);
    expect(file.reduce((sum, { length }) => sum + length, 0)).toBe(bytes);
    const expected = await ask(opened.agents, 'a', turn('What is bread made of?'));
    async function* again(): AsyncGenerator<Uint8Array> {
      yield* file;
    }
    await expect(opened.agents.importAgent(again(), {}, local)).rejects.toMatchObject({ code: 'AgentConflict' });
    await close(opened);

    const elsewhere = await open(newDirectory());
    const other: Caller = { scope: 'other key', seesAll: false };
    const imported = await elsewhere.agents.importAgent(again(), { id: 'b' }, other);
    expect(imported).toMatchObject({ id: 'b', scope: 'other key', parent: null });
    const answer = await ask(elsewhere.agents, 'b', turn('What is bread made of?'), other);
    expect([answer.tokens, answer.cache.source]).toEqual([expected.tokens, 'disk']);
    expect(answer.cache.cachedTokens).toBe(expected.cache.cachedTokens);
    await close(elsewhere);

    const exact = await open(newDirectory(), { 'model.kv_format': 'f32' });
    await expect(exact.agents.importAgent(again(), {}, local)).rejects.toMatchObject({ code: 'CacheMismatch' });
    expect(exact.agents.list(local)).toEqual([]);
    await close(exact);
  });

  test('an agent ends with its time, and its KV with it', async () => {
    const opened = await open(newDirectory());
    let now = Date.now();
    const { runner } = opened.engine.model;
    const checksumFile: ChecksumFile = (fd, offset, bytes, seed) => runner.checksumFile(fd, offset, bytes, seed);
    const store = await openStore(settingsFor(newDirectory()).store, checksumFile, pino({ level: 'silent' }));
    const policy = { persist: 'disk', ttlSeconds: 60, pinned: false, maxTokens: null } as const;
    const agents = new Agents(
      ResidentEngines.only(opened.engine),
      store,
      { now: () => now },
      { maxAgents: 2, policy, busy: 'wait', wireTtlSeconds: null },
    );
    await agents.create({ id: 'a' }, local);
    now -= 86_400_000;
    await agents.sweep();
    expect(agents.list(local)).toHaveLength(1);
    now += 86_400_000 + 60_000;
    await agents.sweep();
    expect(agents.list(local)).toEqual([]);
    expect(store.agents()).toEqual([]);
    await store.close();
    await close(opened);
  });
});

test('agents of a store that opens late join those made meanwhile, and none takes the place of another', async () => {
  const directory = newDirectory();
  const opened = await open(newDirectory(), { 'store.enabled': false });
  const { runner } = opened.engine.model;
  const checksumFile: ChecksumFile = (fd, offset, bytes, seed) => runner.checksumFile(fd, offset, bytes, seed);
  const openAgain = (): ReturnType<typeof openStore> =>
    openStore({ ...settingsFor(directory).store, retry_seconds: 0.05 }, checksumFile, pino({ level: 'silent' }));
  const policy = { persist: 'disk', ttlSeconds: null, pinned: false, maxTokens: null } as const;
  const agentsOf = (store: KvStore): Agents =>
    new Agents(
      ResidentEngines.only(opened.engine),
      store,
      { now: () => Date.now() },
      { maxAgents: 9, policy, busy: 'wait', wireTtlSeconds: null },
    );
  const said = (agents: Agents, id: string): unknown => agents.show(id, local).messages.map(({ content }) => content);

  const first = await openAgain();
  const before = agentsOf(first);
  await before.create({ id: 'a', messages: [{ role: 'user', content: 'first' }] }, local);
  await before.fork('a', { id: 'b' }, local);
  const second = await openAgain();
  expect(second.status().state).toBe('suspended');
  const after = agentsOf(second);
  await after.create({ id: 'a', messages: [{ role: 'user', content: 'second' }] }, local);
  await after.create({ id: 'c' }, local);
  await first.close();
  await until(
    () => second.status().state,
    (state) => state === 'ready',
  );
  await after.sweep();
  expect(after.list(local).map(({ id }) => id)).toEqual(['a', 'c', 'b']);
  expect([said(after, 'a'), after.lastFailure]).toEqual([['second'], expect.stringContaining('the store has another agent a')]);
  expect(second.agents().map(({ id, messages }) => [id, messages[0]?.content])).toEqual([
    ['a', 'first'],
    ['b', 'first'],
    ['c', undefined],
  ]);
  await after.remove('a', { purge: true, dryRun: false }, local);
  expect(said(after, 'a')).toEqual(['first']);
  after.checkIntegrity();
  await second.close();
  await close(opened);
});

test('KV of a turn that the disk refused is written when it takes it again, without another turn', async () => {
  const directory = newDirectory();
  const opened = await open(directory, { 'store.retry_seconds': 0.05 });
  const { agents, store } = opened;
  await agents.create({ id: 'a' }, local);
  const [extents, away] = [join(directory, 'extents'), join(directory, 'away')];
  renameSync(extents, away);
  writeFileSync(extents, 'no directory');
  await ask(agents, 'a', turn(LONG));
  await opened.engine.parking.flush();
  expect(store.status().state).toBe('suspended');
  expect(agents.show('a', local).place).toMatchObject({ diskTokens: 0 });
  await agents.sweep();
  expect(agents.show('a', local).place).toMatchObject({ diskTokens: 0 });
  rmSync(extents);
  renameSync(away, extents);
  await until(
    () => store.status().state,
    (state) => state === 'ready',
  );
  await agents.sweep();
  const { diskTokens, memoryTokens } = agents.show('a', local).place;
  expect(diskTokens).toBe(memoryTokens);
  expect(diskTokens).toBeGreaterThan(400);
  await close(opened);
});

test('memory that pinned agents hold is refused to others by name, and given when they are unpinned', async () => {
  const opened = await open(newDirectory(), {
    'engine.memory_budget_bytes': 98_000_000 + 167_772_160 + 40_000_000,
    'store.enabled': false,
  });
  await opened.agents.create({ id: 'a', policy: { pinned: true } }, local);
  await ask(opened.agents, 'a', turn(LONG));
  await opened.agents.create({ id: 'b' }, local);
  await expect(ask(opened.agents, 'b', turn(`Now this. ${LONG}`, { maxTokens: 600 }))).rejects.toMatchObject({
    code: 'PoolExhausted',
    message: expect.stringContaining('pinned') as string,
  });
  await opened.agents.setPolicy('a', { pinned: false }, local);
  await ask(opened.agents, 'b', turn(`Now this. ${LONG}`, { maxTokens: 600, stopStrings: ['e'] }));
  await close(opened);
});
