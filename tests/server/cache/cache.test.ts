import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BlockBody, ChainBody, EvictedBody, OverviewBody } from '../../../src/client/cache-bodies.js';
import { AgentApi, eventsOf, LONG_SYSTEM } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon();
  api = new AgentApi(daemon);
  await api.create({ id: 'a', system: LONG_SYSTEM });
  await api.say('a', 'Hi', { max_tokens: 4 });
  await api.fork('a', 'b');
});
afterAll(() => daemon.stop());

const overview = async () => (await api.call<OverviewBody>('GET', '/cache')).body;
const chain = async (id: string) => (await api.call<ChainBody>('GET', `/cache/agents/${id}`)).body;
const evict = async (body: object) => (await api.call<EvictedBody>('POST', '/cache/evict', body)).body;
const verify = async () => (await eventsOf(await api.fetch('POST', '/cache/verify'))).at(-1);

describe('GET /v1/cache', () => {
  test('its figures agree with each other and with what was asked', async () => {
    const { memory, disk, hits, model } = await overview();
    expect(model).toBe('smollm2-135m-instruct');
    expect(memory.used_bytes + memory.free_bytes).toBe(memory.total_bytes);
    expect(memory.kinds).toEqual([expect.objectContaining({ window: null, layers: 30 })]);
    expect(memory.shared_blocks).toBeGreaterThan(0);
    expect(disk).toMatchObject({ state: 'ready', reason: null });
    expect(hits.prompt_tokens).toBe((await api.show('a')).usage.prompt_tokens);
    expect([hits.memory_tokens, hits.disk_tokens, hits.ratio]).toEqual([0, 0, 0]);
  });
});

describe('GET /v1/cache/agents/{id}', () => {
  test('its blocks are a chain of all its tokens that have KV: the one sampled last has none yet', async () => {
    const { agent, blocks } = await chain('a');
    expect(blocks.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(agent.tokens - 1);
    expect(blocks.map(({ index }) => index)).toEqual(blocks.map((_, i) => i));
    for (const [i, block] of blocks.entries()) if (i > 0) expect(block.parent).toBe(blocks[i - 1]?.hash);
    expect(blocks[0]?.text).toContain('gardener');
    expect((await chain('b')).blocks[0]?.hash).toBe(blocks[0]?.hash);
  });
});

describe('POST /v1/cache/evict', () => {
  test('a dry run says what would go, and lets nothing go', async () => {
    const before = await overview();
    const dry = await evict({ to: 'none', dry_run: true });
    expect(dry).toMatchObject({ agent: null, to: 'none', dry_run: true, written_bytes: 0 });
    expect(dry.sequences).toBeGreaterThan(0);
    // Blocks may be on their way to disk: what sequences hold is what must stay.
    const { sequences, tokens, used_bytes: usedBytes } = before.memory;
    expect((await overview()).memory).toMatchObject({ sequences, tokens, used_bytes: usedBytes });
  });

  test('to disk: memory is free, the KV is there again from disk, with the same answer', async () => {
    const wanted = await api.say('b', 'What is in bed 3?');
    await api.call('POST', '/agents/b/rewind', { turns: 1 });
    await evict({ agent: 'b', to: 'disk' });
    await evict({ to: 'disk' });
    expect((await overview()).memory).toMatchObject({ used_bytes: 0, sequences: 0 });
    const { blocks } = await chain('b');
    expect(blocks.map(({ tier }) => tier)).toContain('disk');
    const again = await api.say('b', 'What is in bed 3?');
    expect(again).toMatchObject({ text: wanted.text, cache: { source: 'disk' } });
    expect(again.usage.cached_tokens).toBeGreaterThan(256);
    expect((await overview()).hits.disk_tokens).toBeGreaterThan(256);
  });
});

describe('GET /v1/cache/blocks/{hash}', () => {
  test('a few digits are enough, capitals too; its owners are those that share it', async () => {
    const { hash } = (await chain('a')).blocks[0]!;
    const { body } = await api.call<BlockBody>('GET', `/cache/blocks/${hash.slice(0, 8).toUpperCase()}`);
    expect(body).toMatchObject({ object: 'cache.block', hash, index: 0, tokens: 256 });
    expect(body.owners.toSorted()).toEqual(['agent/a', 'agent/b']);
    expect(body.images[0]?.bytes).toBeGreaterThan(1_000_000);
  });
});

describe('POST /v1/cache/verify', () => {
  test('what is whole is whole; a changed byte is found and put aside', async () => {
    const whole = await verify();
    expect(whole).toMatchObject({ type: 'report', damaged: [] });
    expect(whole?.['blocks']).toBeGreaterThan(0);
    const { directory } = (await overview()).disk;
    const { extent } = (await chain('a')).blocks[0]!.images[0]!;
    const path = readdirSync(directory, { recursive: true, encoding: 'utf8' }).find(
      (name) => name.endsWith(extent) || name.includes(extent),
    );
    const file = join(directory, path!);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(file, bytes);
    const damaged = (await verify()) as { damaged?: readonly { reason: string }[] };
    expect(damaged.damaged).toHaveLength(1);
    expect((await overview()).disk.quarantined).toBe(1);
    expect(await verify()).toMatchObject({ damaged: [] });
  });
});
