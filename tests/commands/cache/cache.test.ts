import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChainBody } from '../../../src/client/cache-bodies.js';
import { AgentApi, LONG_SYSTEM } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { RUN, semantic } from '../../support/run-semantic.js';
import { runOnTerminal } from '../../support/terminal.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon();
  api = new AgentApi(daemon);
  await api.create({ id: 'main', system: LONG_SYSTEM });
  await api.say('main', 'Which beds are there?');
  await api.fork('main', 'abcdef123'); // could be a block
});
afterAll(() => daemon.stop());

const run = (...args: string[]) => semantic(['cache', ...args], { home: daemon.home });

describe('cache inspect', () => {
  test('draws tiers, layer kinds, sharing and hits as a tree', async () => {
    const { stdout } = await run('inspect');
    expect(stdout).toMatch(/^smollm2-135m-instruct, fingerprint [0-9a-f]+\nmemory {2}[\d.]+ [kMG]B of [\d.]+ GB used, pressure \w+\n├─ /);
    expect(stdout).toMatch(/\d+ blocks? shared/);
    expect(stdout).toMatch(/└─ 30 global layers: \d+ of \d+ blocks of [\d.]+ MB/);
    expect(stdout).toMatch(/^disk .*, ready$/m);
    expect(stdout).toMatch(/^├─ 2 agents, \d+ blocks?, \d+ images? in \d+ extents?$/m);
    expect(stdout).toMatch(/^hits +[\d.]+ % of \d+ prompt tokens$/m);
  });

  test('of an agent it lists the blocks, of a block it says whose it is', async () => {
    expect((await run('evict')).stdout).toMatch(/^let go of \d+ sequences?, [\d.]+ MB; [\d.]+ \w+ were written to disk first$/);
    const { stdout } = await run('inspect', 'main');
    const [head, , first] = stdout.split('\n');
    expect(head).toMatch(/^main {2}idle, \d+ tokens: 0 in memory, \d+ on disk$/);
    expect(first).toMatch(/^├─ [0-9a-f]{12} +256 +disk +[\d.]+ MB +agent\/abcdef123 +".*gardener/);
    const digits = /[0-9a-f]{12}/.exec(first ?? '')![0];
    expect((await run('inspect', digits)).stdout).toMatch(
      new RegExp(`^${digits}[0-9a-f]{52}\n  after +[0-9a-f]{64}\n  place +block 0 of its chain, 256 tokens\n`),
    );
  });

  test('what could be both is an agent if there is one', async () => {
    const { stdout } = await run('inspect', 'abcdef123', '--json');
    expect((JSON.parse(stdout) as ChainBody).agent.id).toBe('abcdef123');
    expect((await run('inspect', 'abcdef124')).exitCode).toBe(2);
    expect((await run('inspect', 'mian')).stderr).toContain('Did you mean main?');
  });
});

describe('cache evict', () => {
  test('to nowhere asks; a dry run tells', async () => {
    await api.say('main', 'Go on.');
    expect((await run('evict', '--to', 'none')).exitCode).toBe(2);
    const dry = await run('evict', 'main', '--to', 'none', '--dry-run');
    expect([dry.exitCode, dry.stdout]).toEqual([0, expect.stringMatching(/^would let go of 1 sequence, [\d.]+ MB$/)]);
    expect((await api.show('main')).kv.memory_tokens).toBeGreaterThan(0);
    expect((await run('evict', 'main', '--to', 'none', '--force')).exitCode).toBe(0);
    expect((await api.show('main')).kv.memory_tokens).toBe(0);
  });
});

describe('cache verify', () => {
  test('reads all of it, with a bar on a terminal only', async () => {
    const plain = await run('verify');
    expect([plain.exitCode, plain.stderr]).toEqual([0, '']);
    expect(plain.stdout).toMatch(/^\d+ blocks, \d+ images, [\d.]+ MB: all whole$/);
    const terminal = runOnTerminal([process.execPath, RUN, 'cache', 'verify'], { SEMANTIC_HOME: daemon.home, NO_COLOR: '1' });
    await terminal.shows(/verify .* 100 %/);
    expect(await terminal.ended()).toBe(0);
    expect(JSON.parse((await run('verify', '--json')).stdout)).toMatchObject({ type: 'report', damaged: [] });
  });
});
