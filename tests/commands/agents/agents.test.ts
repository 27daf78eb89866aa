import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AgentBody, AgentDetailBody } from '../../../src/client/agent-bodies.js';
import { AgentApi, LONG_SYSTEM } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { createHome, RUN, semantic } from '../../support/run-semantic.js';
import { runOnTerminal } from '../../support/terminal.js';

let daemon: TestDaemon;
let api: AgentApi;
beforeAll(async () => {
  daemon = await startDaemon();
  api = new AgentApi(daemon);
  await api.create({ id: 'main', system: LONG_SYSTEM });
  await api.say('main', 'Which beds are there?');
  await api.fork('main', 'side');
  await api.say('side', 'What grows in bed 3?');
});
afterAll(() => daemon.stop());

const run = (...args: string[]) => semantic(args, { home: daemon.home });
async function json<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout } = await run(...args, '--json');
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as T;
}

describe('agents ls', () => {
  test('is a table with forks under what they were forked from', async () => {
    const { exitCode, stdout } = await run('agents', 'ls');
    expect(exitCode).toBe(0);
    const [head, ...rows] = stdout.split('\n');
    expect(head).toMatch(/^AGENT +CLIENT +STATE +TURNS +TOKENS +KV IN MEMORY +ON DISK +USED +PINNED$/);
    expect(rows).toEqual([
      expect.stringMatching(/^main +- +idle +1 +\d+ +[\d.]+ MB +\S.* \d+ (s|min) ago$/),
      expect.stringMatching(/^└─ side +- +idle +2 +\d+ +[\d.]+ MB +\S.* \d+ (s|min) ago$/),
    ]);
  });

  test('as JSON it is what the daemon says', async () => {
    const { agents } = await json<{ agents: AgentBody[] }>('agents', 'ls');
    expect(agents.map(({ id, parent }) => [id, parent])).toEqual([
      ['main', null],
      ['side', 'main'],
    ]);
  });
});

describe('agents show', () => {
  test('tells a reader all of it', async () => {
    const { stdout } = await run('agents', 'show', 'side');
    expect(stdout).toMatch(/^side\n {2}state +idle\n {2}client +- .*\n {2}parent +main\n/);
    expect(stdout).toMatch(/holds +2 turns, 5 messages, \d+ tokens/);
    expect(stdout).toMatch(/last turn +\d+ prompt tokens, \d+ of them came from memory\. All that could be expected was there\./);
    expect(stdout).toMatch(/end of a turn +5 +\d+/);
    expect((await json<AgentDetailBody>('agents', 'show', 'side')).messages).toHaveLength(5);
  });

  test('explains a miss with the text around it', async () => {
    await api.create({ id: 'missed', system: LONG_SYSTEM });
    await api.say('missed', 'The first question.', { max_tokens: 4 });
    await api.call('POST', '/agents/missed/rewind', { messages: 1 });
    await api.say('missed', 'Another question.', { max_tokens: 4 });
    const { stdout } = await run('agents', 'show', 'missed');
    expect(stdout).toMatch(/Read again from token \d+ on: a message of an earlier turn differs.* was ".*first.*", now there is ".*nother/);
  });

  test('of an agent that is not there: 4, with the one that was meant', async () => {
    const [near, path] = await Promise.all([run('agents', 'show', 'mian'), run('agents', 'show', '../../etc')]);
    expect(near.exitCode).toBe(4);
    expect(near.stderr).toMatch(/mian.*Did you mean main\?/s);
    expect(path.exitCode).toBe(2);
  });
});

describe('fork, pin, unpin', () => {
  test('do as they say, and print the id', async () => {
    expect((await run('agents', 'fork', 'main', 'forked')).stdout).toBe('forked');
    expect((await json<AgentBody>('agents', 'pin', 'forked')).policy.pinned).toBe(true);
    expect((await run('agents', 'ls')).stdout).toMatch(/forked .* pinned$/m);
    expect((await run('agents', 'unpin', 'forked')).stdout).toBe('forked is not pinned');
    expect((await api.show('forked')).policy.pinned).toBe(false);
  });
});

describe('what destroys', () => {
  test('without a terminal it wants --force, and does nothing', async () => {
    for (const { exitCode, stderr } of await Promise.all([run('agents', 'rm', 'side', '--purge'), run('agents', 'rewind', 'side')]))
      expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--force')]);
    expect((await api.show('side')).turns).toBe(2);
  });

  test('a dry run tells, and changes nothing', async () => {
    const dry = (...args: string[]) => run('agents', ...args, '--dry-run');
    const [turns, messages, tooMany, purged] = await Promise.all([
      dry('rewind', 'side', '--turns', '2'),
      dry('rewind', 'side', '--messages', '4'),
      dry('rewind', 'side', '--turns', '3'),
      dry('rm', 'side', '--purge'),
    ]);
    expect(turns.stdout).toBe('side forgets the last 2 of its 2 turns');
    expect(messages.stdout).toBe('side forgets the last 1 of its 5 messages');
    expect(tooMany.exitCode).toBe(2);
    expect(purged.stdout).toMatch(/^side would be removed, and \d+ blocks? on disk/);
    expect(await json('agents', 'rm', 'side', '--dry-run')).toMatchObject({ id: 'side', dry_run: true, purged: false });
    expect((await api.show('side')).turns).toBe(2);
  });

  test('on a terminal it asks, and only yes is yes', async () => {
    const asked = (keys: string) => {
      const terminal = runOnTerminal([process.execPath, RUN, 'agents', 'rm', 'asked'], { SEMANTIC_HOME: daemon.home, NO_COLOR: '1' });
      return terminal.shows('Go on? [y/N]').then(() => {
        terminal.type(keys);
        return terminal.ended();
      });
    };
    await api.fork('main', 'asked');
    expect(await Promise.all(['\n', '\u0003'].map(asked))).toEqual([130, 130]); // Enter, Ctrl-C
    expect((await api.show('asked')).id).toBe('asked');
    expect(await asked('y\n')).toBe(0);
    expect((await api.call('GET', '/agents/asked')).status).toBe(404);
  });

  test('with --force it is done', async () => {
    await api.fork('side', 'gone');
    expect((await run('agents', 'rewind', 'gone', '--force')).stdout).toMatch(/^gone has 1 turn, \d+ tokens$/);
    expect((await run('agents', 'rm', 'gone', '--purge', '--force')).stdout).toMatch(/^gone was removed, and \d+ blocks? on disk/);
  });
});

describe('export and import', () => {
  test('a file of one agent, for its owner alone, from which it goes on elsewhere', async () => {
    const file = join(daemon.home, 'main.agent');
    const { stdout, stderr } = await run('agents', 'export', 'main', file);
    expect([stdout, stderr]).toEqual([file, expect.stringMatching(/^main is in it, [\d.]+ MB\.$/)]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const again = await run('agents', 'export', 'main', file);
    expect([again.exitCode, again.stderr]).toEqual([2, expect.stringContaining('is there already')]);
    expect((await json<{ bytes: number }>('agents', 'export', 'main', file, '--force')).bytes).toBe(statSync(file).size);
    expect((await run('agents', 'import', file)).exitCode).toBe(4); // its id is taken
    expect((await run('agents', 'import', file, '--id', 'copy')).stdout).toBe('copy');
    const [copy, main] = [await api.say('copy', 'Go on.'), await api.say('main', 'Go on.')];
    expect(copy.text).toBe(main.text);
    expect(copy.usage.cached_tokens).toBeGreaterThan(256);
  });

  test('an agent that is not there leaves no file; a file that is none leaves no agent', async () => {
    const file = join(daemon.home, 'none.agent');
    expect((await run('agents', 'export', 'nobody', file)).exitCode).toBe(4);
    expect([existsSync(file), readdirSync(daemon.home).filter((name) => name.endsWith('.part'))]).toEqual([false, []]);
    writeFileSync(file, 'not an agent');
    expect((await run('agents', 'import', file, '--id', 'nobody')).exitCode).toBe(5);
    expect((await run('agents', 'import', join(daemon.home, 'nothing'))).exitCode).toBe(2);
    expect(readFileSync(file, 'utf8')).toBe('not an agent');
    expect((await api.call('GET', '/agents/nobody')).status).toBe(404);
  });
});

describe('without a daemon', () => {
  test.each([
    ['agents', 'ls'],
    ['cache', 'verify'],
  ])('%s %s ends with 7, and says how to start one', async (...args) => {
    const home = createHome();
    const { exitCode, stderr } = await semantic(args, { home: home.path });
    home.remove();
    expect([exitCode, stderr]).toEqual([7, expect.stringContaining('semantic serve')]);
  });

  test('--socket is another place to look', async () => {
    const home = createHome();
    const { exitCode } = await semantic(['agents', 'ls', '--socket', daemon.summary.socket], { home: home.path });
    home.remove();
    expect(exitCode).toBe(0);
  });
});
