/** Claude Code, Codex, OpenCode and pi, as their users start them. What the tiny model cannot decide by itself it is made to. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { semantic } from '../support/run-semantic.js';
import { answersOf, expectHits, turnsOf } from './support/answers.js';
import { noteCell } from './support/cells.js';
import { ClientHome } from './support/client-home.js';
import { type Ask, claudeWithAgents, CLIS, type DaemonAddress } from './support/clis.js';
import { type Ended, runClient, startClient } from './support/run-client.js';

let daemon: TestDaemon;
beforeAll(async () => {
  // Clients that say nothing of sampling get the likeliest tokens: the tiny model's others lead it to talk without end.
  daemon = await startDaemon([], { SEMANTIC_SAMPLING_TEMPERATURE: '0' });
});
afterAll(() => daemon.stop());

const served = (): DaemonAddress => ({ address: daemon.summary.address, model: daemon.summary.model.id });

describe.each(CLIS)('$name', (cli) => {
  let home: ClientHome;
  beforeAll(() => {
    home = new ClientHome();
    cli.prepare(home, served());
  });
  afterAll(() => home.remove());

  const command = (prompt: string, ask: Partial<Ask> = {}) =>
    cli.command({ prompt, isNext: false, tool: null, isWhole: false, ...ask }, home, served());
  const ask = (prompt: string, more: Partial<Ask> = {}): Promise<Ended> => runClient(command(prompt, more), home);

  test('streams three turns in three processes, and each finds the prompt before it', async () => {
    const before = answersOf(daemon).length;
    const first = await ask('What is the capital of France?');
    expect([first.code, first.out, first.err]).toEqual([0, expect.stringMatching(/Paris/), expect.any(String)]);
    for (const prompt of ['And of Italy?', 'And of Spain?']) {
      const { code, out } = await ask(prompt, { isNext: true });
      expect(code).toBe(0);
      expect(out.trim()).not.toBe('');
    }
    noteCell(cli.name, 'stream', 'yes');
    noteCell(cli.name, 'hit', expectHits(turnsOf(answersOf(daemon).slice(before), 3)));
  });

  test('is given a call of its own tool, runs it, and has its result answered', async () => {
    const before = answersOf(daemon).length;
    const { code } = await ask(cli.toolPrompt(home), { tool: cli.tool });
    expect(code).toBe(0);
    const reasons = answersOf(daemon)
      .slice(before)
      .map(({ reason }) => reason);
    expect(reasons).toContain('tool_calls');
    expect(reasons.lastIndexOf('tool_calls')).toBeLessThan(reasons.length - 1);
    noteCell(cli.name, 'tool', `\`${cli.tool}\`, asked for by header, run by the client, answered`);
  });

  test('interrupted in the middle of a turn, its sequence ends', async () => {
    const { child, ended } = startClient(command('Tell a very long story.'), home);
    const generated = (await daemon.status()).engine.tokens.generated;
    await until(daemon.status, ({ engine }) => engine.tokens.generated > generated || child.exitCode !== null);
    expect(child.exitCode).toBeNull();
    child.kill('SIGINT');
    await ended;
    await until(daemon.status, ({ engine }) => engine.running === 0 && engine.waiting === 0);
    noteCell(cli.name, 'abort', 'sequence freed');
  });

  test('tells its user that a prompt is too long', async () => {
    const said = daemon.stderr().length;
    const { out, err } = await ask('All work and no play makes Jack a dull boy. '.repeat(1_000));
    expect(daemon.stderr().slice(said)).toMatch(/prompt is too long: \d+ tokens > 8192 maximum/);
    expect(out + err).toMatch(/too long|context/i);
    noteCell(cli.name, 'error', 'told to the user');
  });
});

test('Claude Code starts a sub-agent, which is a child of its own agent and answers it', async () => {
  const home = new ClientHome();
  const before = answersOf(daemon).length;
  const { child, ended } = startClient(claudeWithAgents(home, served()), home);
  try {
    const subAgents = (all: readonly ListedAgent[]) => all.filter(({ parent, turns }) => parent !== null && turns > 0);
    await until(agents, (all) => subAgents(all).length > 0 || child.exitCode !== null);
    const { stdout } = await semantic(['agents', 'ls', '--json'], { home: daemon.home });
    const listed = (JSON.parse(stdout) as { agents: readonly ListedAgent[] }).agents;
    const [sub] = subAgents(listed);
    const parent = listed.find(({ id }) => id === sub?.parent);
    expect(sub).toMatchObject({ client: 'claude', id: expect.stringMatching(/^claude-/) });
    expect(parent).toMatchObject({ client: 'claude', parent: null, children: expect.arrayContaining([sub!.id]) });
    expect(answersOf(daemon)[before]).toMatchObject({ reason: 'tool_calls' });
    // Its result comes as a further turn of the one that it works for.
    const { id, turns } = parent!;
    await until(agents, (all) => all.find((agent) => agent.id === id)!.turns > turns || child.exitCode !== null);
    expect((await agents()).find((agent) => agent.id === id)!.turns).toBeGreaterThan(turns);
    noteCell('claude-code', 'subagent', 'started by a call asked for by header; a child in `semantic agents ls`');
  } finally {
    child.kill('SIGINT'); // what the tiny model says to all this has no end
    await ended;
    home.remove();
  }
});

interface ListedAgent {
  readonly id: string;
  readonly client?: string;
  readonly parent: string | null;
  readonly children: readonly string[];
  readonly turns: number;
}

/** Of the key that the client was told to bring. */
async function agents(): Promise<readonly ListedAgent[]> {
  const response = await fetch(`${daemon.summary.address}/v1/agents`, { headers: { authorization: 'Bearer none' } });
  return ((await response.json()) as { data: readonly ListedAgent[] }).data;
}
