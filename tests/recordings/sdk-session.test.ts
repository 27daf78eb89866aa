/** A vendor's SDK with a tool over several turns is recorded by the command, and replayed without a difference; what real clients sent is, too. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import Anthropic from '@anthropic-ai/sdk';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecording } from '../../src/adapters/recordings/read-recording.js';
import type { ReplayReport } from '../../src/client/replay/report.js';
import type { TurnsBody } from '../../src/client/agent-bodies.js';
import { ERROR_TABLE } from '../../src/core/domain/errors.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { RUN, semantic } from '../support/run-semantic.js';

const root = mkdtempSync(join(tmpdir(), 'semantic-sdk-'));
const directory = join(root, 'sdk');
const SESSION = '0b7e0c8e-6f3a-4b8e-9a55-0d6a52b8f001';
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(async () => {
  await daemon.stop();
  rmSync(root, { recursive: true, force: true });
});

const run = (...args: string[]) => semantic(args, { home: daemon.home });
const replayed = async (...args: string[]): Promise<{ exitCode: number | undefined; report: ReplayReport }> => {
  const { exitCode, stdout } = await run('replay', ...args, '--json');
  return { exitCode, report: JSON.parse(stdout) as ReplayReport };
};

/** Two questions, the first answered with a call and its result. */
async function session(): Promise<void> {
  const headers = { 'x-claude-code-session-id': SESSION };
  const client = new Anthropic({ baseURL: daemon.summary.address, apiKey: 'none', maxRetries: 0, defaultHeaders: headers });
  const input_schema = { type: 'object' as const, properties: { place: { type: 'string', maxLength: 10 } }, required: ['place'] };
  const base = { model: daemon.summary.model.id, tools: [{ name: 'weather', description: 'Says how the weather is.', input_schema }] };
  const messages: Anthropic.MessageParam[] = [{ role: 'user', content: 'What is the weather in Bern?' }];
  const called = await client.messages
    .stream({ ...base, max_tokens: 80, messages, tool_choice: { type: 'any', disable_parallel_tool_use: true } })
    .finalMessage();
  const use = called.content.find((block) => block.type === 'tool_use')!;
  messages.push({ role: 'assistant', content: called.content });
  messages.push({ role: 'user', content: [{ type: 'tool_result', tool_use_id: use.id, content: '18 degrees and sunny.' }] });
  const told = await client.messages.create({ ...base, max_tokens: 12, messages });
  messages.push({ role: 'assistant', content: told.content }, { role: 'user', content: 'And tomorrow?' });
  await client.messages.stream({ ...base, max_tokens: 12, messages }).finalMessage();
}

test('semantic record records until Ctrl-C, and says what there is', async () => {
  const recording = spawn(process.execPath, [RUN, 'record', '--out', directory], {
    env: { ...process.env, SEMANTIC_HOME: daemon.home, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [out, err] = [recording.stdout, recording.stderr].map((stream) => {
    const parts: string[] = [];
    stream.setEncoding('utf8').on('data', (part: string) => parts.push(part));
    return parts;
  });
  const state = async (): Promise<{ state: string; exchanges: number }> =>
    (await (await fetch(`${daemon.summary.address}/v1/admin/recording`)).json()) as { state: string; exchanges: number };
  await until(state, ({ state: now }) => now === 'recording');
  await session();
  await until(state, ({ exchanges }) => exchanges === 3);
  recording.kill('SIGINT');
  expect(await once(recording, 'close')).toEqual([0, null]);
  expect([out!.join(''), err!.join('')]).toEqual([expect.stringMatching(/^recorded 3 exchanges, [\s\S]*it was ended\n$/), '']);
  const { exchanges } = await readRecording(directory);
  expect(exchanges.map(({ predecessor }) => predecessor)).toEqual([null, 1, 2]);
});

test('replayed in a daemon of its own no token differs, and as many are found in the cache', async () => {
  const { exitCode, report } = await replayed(
    directory,
    '--target',
    'in-process',
    '--assert',
    'tokens',
    '--assert',
    'shape',
    '--assert',
    'cache',
  );
  expect([exitCode, report.verdicts]).toEqual([0, []]);
  expect(report).toMatchObject({ exchanges: 3, failed: 0, uncompared: 0, tokens: { answers: 0, differing: 0 } });
  expect(report.cache).toEqual({ recorded: report.cache.replayed, replayed: report.cache.recorded, lost: 0 });
  expect(report.cache.recorded).toBeGreaterThan(0);
});

test('against the daemon itself, in the pauses of then, made shorter', async () => {
  const { exitCode, report } = await replayed(directory, '--speed', 'x100');
  expect([exitCode, report]).toMatchObject([0, { target: 'daemon', speed: 'x100', tokens: { differing: 0 } }]);
});

test('shorter answers are other answers: the exit code says so, and the report which and where', async () => {
  const { exitCode, report } = await replayed(directory, '--max-tokens', '4');
  expect(exitCode).toBe(ERROR_TABLE.ReplayDiffers.exit);
  expect(report.verdicts).toEqual([expect.stringMatching(/tokens of 3 answers differ$/)]);
  expect(report.differences[1]).toMatchObject({ comparedBy: 'ids', firstDifference: 4 });
  expect((await replayed(directory, '--max-tokens', '4', '--assert', 'cache')).exitCode).toBe(0);
});

test('requests that real clients sent are read in and replayed', async () => {
  const clients = join(root, 'clients');
  const requests = fileURLToPath(new URL('../fixtures/wire/requests', import.meta.url));
  for (const name of ['sdk-o_tools', 'sdk-a_stream', 'sdk-o_resp', 'cc-bare-read']) {
    const { exitCode } = await run('record', 'import', join(requests, name), '--out', join(clients, name));
    expect(exitCode).toBe(0);
    const { exitCode: code, report } = await replayed(join(clients, name), '--max-tokens', '4', '--assert', 'shape');
    expect([name, code, report.verdicts, report.failed]).toEqual([name, 0, [], 0]);
    expect(report.uncompared).toBe(report.exchanges);
  }
});

test('a session is gone through step by step', async () => {
  const { agents } = JSON.parse((await run('agents', 'ls', '--json')).stdout) as { agents: { id: string }[] };
  const id = agents.find((agent) => agent.id.includes(SESSION))!.id;
  const turns = JSON.parse((await run('replay', '--session', id, '--json')).stdout) as TurnsBody;
  expect(turns.data.map(({ kind }) => kind)).toEqual(['turn', 'turn', 'turn']);
  expect(turns.data.map(({ messages }) => messages - turns.data[0]!.messages)).toEqual([0, 2, 4]);
  const last = turns.data[2]!;
  expect(last.added.map(({ role }) => role)).toEqual(['user', 'assistant']);
  expect(last.rendered).toContain('And tomorrow?');
  expect(last.generated_tokens).toHaveLength(last.completion_tokens!);
  expect(last.cache).toMatchObject({ source: 'memory', miss: null });
  expect(last.cache!.cached_tokens).toBeGreaterThan(0);
  const { stdout, exitCode } = await run('replay', '--session', id);
  expect(exitCode).toBe(0);
  for (const part of [
    'step 1 of 3: a turn',
    'came in',
    'user: And tomorrow?',
    'rendered',
    'matched',
    `generated (${last.completion_tokens} tokens)`,
  ])
    expect(stdout).toContain(part);
});

test.each([
  ['no folder', [], 'InvalidRequest', /wanted the folder of a recording/],
  ['a folder without a recording', ['.'], 'InvalidRequest', /manifest\.json/],
  ['a speed that is none', [directory, '--speed', 'fast'], 'InvalidRequest', /real, max or xN/],
  ['a target that is none', [directory, '--target', 'somewhere'], 'InvalidRequest', /daemon, in-process or an address/],
  ['a target where nobody is', [directory, '--target', 'http://127.0.0.1:9'], 'DaemonUnreachable', /does not answer/],
  ['a session that is not there', ['--session', 'nobody'], 'AgentNotFound', /nobody/],
] as const)('%s: the code is that of the table', async (_name, args, code, message) => {
  const { exitCode, stdout } = await run('replay', ...args, '--json');
  expect([exitCode, JSON.parse(stdout)]).toMatchObject([
    ERROR_TABLE[code].exit,
    { error: { code, message: expect.stringMatching(message) } },
  ]);
});

test('where there is nothing to record in, and no recording to end, the command says so', async () => {
  const nowhere = await run('record', '--json');
  expect([nowhere.exitCode, JSON.parse(nowhere.stdout)]).toMatchObject([2, { error: { code: 'InvalidRequest' } }]);
  const none = await run('record', '--stop', '--json');
  expect([none.exitCode, JSON.parse(none.stdout)]).toMatchObject([
    ERROR_TABLE.RecordingNotFound.exit,
    { error: { code: 'RecordingNotFound' } },
  ]);
  const taken = await run('record', '--out', directory, '--json');
  expect([taken.exitCode, JSON.parse(taken.stdout)]).toMatchObject([
    ERROR_TABLE.RecordingConflict.exit,
    { error: { code: 'RecordingConflict' } },
  ]);
});
