/** Recorded clients against a real daemon: whose turns their requests become, and what is found of them in the cache. */
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { AgentBody, AgentDetailBody } from '../../../src/client/agent-bodies.js';
import { startDaemon, type TestDaemon } from '../../support/daemon.js';
import { semantic } from '../../support/run-semantic.js';
import { recordedRequest } from '../../support/wire.js';

vi.setConfig({ testTimeout: 180_000 }); // prompts of thousands of tokens, on a machine that may have other things to do

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const IDENTITY = /session|agent-id|thread-id|^x-api-key$/;
const LONGEST_TEXT = 80;

interface Sent {
  readonly promptTokens: number;
  readonly cachedTokens: number;
}

/** A recording, shortened to what the starter model has room for: every text to its beginning, and all tools but the first. */
async function send(path: string, name: string, more: { readonly headers?: object; readonly body?: object } = {}): Promise<Sent> {
  const { headers, body } = recordedRequest(path, name);
  const tools = ((body['tools'] ?? []) as readonly object[]).slice(0, 1);
  const short = JSON.parse(
    JSON.stringify({ ...body, ...(tools.length === 0 ? {} : { tools }) }, (_, value: unknown) =>
      typeof value === 'string' ? value.slice(0, LONGEST_TEXT) : value,
    ),
  ) as object;
  const limits = path === '/v1/responses' ? { max_output_tokens: 16 } : { max_tokens: 8, stream_options: undefined };
  const known = Object.fromEntries(Object.entries(headers).filter(([key]) => IDENTITY.test(key) && key !== 'x-api-key'));
  const response = await fetch(`${daemon.summary.address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...known, ...more.headers },
    body: JSON.stringify({ ...short, model: daemon.summary.model.id, stream: false, temperature: 0, ...limits, ...more.body }),
  });
  const answer = (await response.json()) as { readonly usage: Readonly<Record<string, number>> & UsageDetails };
  if (response.status !== 200) throw new Error(`${response.status} ${JSON.stringify(answer)}`);
  const { usage } = answer;
  const cached =
    usage['cache_read_input_tokens'] ?? usage.prompt_tokens_details?.cached_tokens ?? usage.input_tokens_details?.cached_tokens;
  const created = usage['cache_creation_input_tokens'];
  const prompt = created === undefined ? (usage['prompt_tokens'] ?? usage['input_tokens']!) : created + cached! + usage['input_tokens']!;
  return { promptTokens: prompt, cachedTokens: cached! };
}

interface UsageDetails {
  readonly prompt_tokens_details?: { readonly cached_tokens: number };
  readonly input_tokens_details?: { readonly cached_tokens: number };
}

async function command<T>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await semantic([...args, '--json'], { home: daemon.home });
  if (exitCode !== 0) throw new Error(`${exitCode} ${stdout}${stderr}`);
  return JSON.parse(stdout) as T;
}
const agents = async (): Promise<readonly AgentBody[]> => (await command<{ agents: AgentBody[] }>('agents', 'ls')).agents;
const show = (id: string): Promise<AgentDetailBody> => command('agents', 'show', id);

const TITLE = { system: 'You write titles.', messages: [{ role: 'user', content: 'A title for: use agents' }], tools: [], thinking: null };

describe('Claude Code', () => {
  const path = '/v1/messages';
  const SESSION = 'claude-babfe1dd-01d4-4550-b1f8-36519ccd5dd4';

  test('a session is an agent, its sub-agents are its children, and its next turn finds all of the one before', async () => {
    const first = await send(path, 'cc-agents/001');
    await Promise.all([send(path, 'cc-agents/002'), send(path, 'cc-agents/003'), send(path, 'cc-agents/001', { body: TITLE })]);
    const next = await send(path, 'cc-agents/004');
    expect(next.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens);
    const session = await show(SESSION);
    expect(session).toMatchObject({ parent: null, client: 'claude', turns: 2, canonical_rules: ['billing_line', 'early_system'] });
    expect(session.children).toHaveLength(2);
    for (const { id, parent, client } of (await agents()).filter((agent) => agent.parent !== null)) {
      expect(session.children).toContain(id);
      expect({ parent, client }).toEqual({ parent: SESSION, client: 'claude' });
    }
    const { stdout } = await semantic(['agents', 'show', SESSION], { home: daemon.home });
    expect(stdout).toMatch(/rewritten by +billing_line, early_system/);
  });

  test('the session of another key is another agent, and reads everything itself', async () => {
    const before = await show(SESSION);
    const stranger = await send(path, 'cc-agents/004', { headers: { 'x-api-key': 'sk-another' } });
    expect(stranger.cachedTokens).toBe(0);
    const [other] = (await agents()).filter(({ id }) => id.startsWith(`${SESSION}.`));
    expect(other).toMatchObject({ client: 'claude', turns: 1, children: [] });
    expect(await show(SESSION)).toMatchObject({ turns: before.turns, used_at: before.used_at });
  });

  test('without headers the session in the metadata is the same agent', async () => {
    const { turns } = await show(SESSION);
    const headers = { 'x-claude-code-session-id': '', 'x-claude-code-agent-id': '' };
    const again = await send(path, 'cc-agents/004', { headers });
    expect(again.cachedTokens).toBe(again.promptTokens - 1);
    expect((await show(SESSION)).usage.prompt_tokens).toBeGreaterThan(again.promptTokens);
    expect((await show(SESSION)).turns).toBe(turns);
  });
});

describe('OpenCode', () => {
  test('a title that is asked for first is not the conversation', async () => {
    const path = '/v1/chat/completions';
    const id = 'opencode-ses_e0427fd11ffeI1Fd7pCoc7TzZh';
    await send(path, 'oc-3/001');
    const [title] = (await show(id)).messages;
    const first = await send(path, 'oc-3/002');
    await send(path, 'oc-3/001');
    const next = await send(path, 'oc-3/003');
    expect(next.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens);
    const agent = await show(id);
    expect(agent).toMatchObject({ client: 'opencode', parent: null });
    expect(agent.messages.length).toBeGreaterThan(3);
    expect(agent.messages[0]).not.toEqual(title);
  });
});

describe('Codex', () => {
  test('a thread is an agent, and a thread of its own for a sub-agent is its child', async () => {
    const path = '/v1/responses';
    const root = '01a1fbd5-91c3-7b82-9193-e9784c52964b';
    const first = await send(path, 'codex-3/001');
    const child = { 'thread-id': '01a1fbd5-0000-7b82-9193-000000000001', 'x-codex-parent-thread-id': root };
    await send(path, 'codex-3/001', { headers: child, body: { input: 'Say B.' } });
    await send(path, 'codex-3/001', { body: { instructions: 'You write titles.', input: 'A title for: hello', tools: [] } });
    const next = await send(path, 'codex-3/002');
    expect(next.cachedTokens).toBeGreaterThanOrEqual(first.promptTokens);
    expect(await show(`codex-${root}`)).toMatchObject({ client: 'codex', turns: 2, children: [`codex-${child['thread-id']}`] });
  });
});

describe('a client that says nothing', () => {
  test('has no agent, and finds what it sent before all the same', async () => {
    const before = await agents();
    const first = await send('/v1/messages', 'sdk-a_stream/001');
    const next = await send('/v1/messages', 'sdk-a_stream/001');
    expect(next.cachedTokens).toBe(first.promptTokens - 1);
    expect((await agents()).map(({ id }) => id)).toEqual(before.map(({ id }) => id));
  });
});
