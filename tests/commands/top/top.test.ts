/** `semantic top` as a user runs it, beside a real daemon. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { schedulerSchema } from '../../../src/client/scheduler-bodies.js';
import type { Snapshot } from '../../../src/commands/top/snapshot.js';
import { AgentApi } from '../../support/agent-api.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { RUN, semantic } from '../../support/run-semantic.js';
import { hasColours, runOnTerminal, SCREEN_LEFT } from '../../support/terminal.js';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.stop());

const parsed = (line: string) => JSON.parse(line) as Snapshot;

describe('off a terminal', () => {
  test('it writes a line per interval, and ends after --count', async () => {
    const { stdout, stderr, exitCode } = await semantic(['top', '--count', '2', '--interval', '0.1'], { home: daemon.home });
    expect([exitCode, stderr]).toEqual([0, '']);
    const lines = stdout.split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+Z {2}running 0 {2}waiting 0 {2}.*agents \d/);
  });

  test('--json streams an object per line, with what runs and whose it is', async () => {
    const agents = new AgentApi(daemon);
    await agents.create({ id: 'writer' });
    const abort = new AbortController();
    const body = { input: 'Tell a story.', max_tokens: 4000, ignore_eos: true, stream: true };
    const answer = await agents.fetch('POST', '/agents/writer/generate', body, abort.signal);
    await until(daemon.status, ({ engine }) => engine.tokens.generated > 2);
    const { stdout, exitCode } = await semantic(['top', '--json', '--count', '2', '--interval', '0.2'], { home: daemon.home });
    abort.abort();
    await answer.body?.cancel().catch(() => undefined);
    expect(exitCode).toBe(0);
    const [first, second, ...none] = stdout.split('\n').map(parsed);
    expect(none).toEqual([]);
    expect(first!.scheduler.sequences.map(({ agent, state }) => [agent, state])).toEqual([['writer', 'decode']]);
    expect(schedulerSchema.safeParse(second!.scheduler).success).toBe(true);
    expect(second!.scheduler.totals.tokens.generated).toBeGreaterThan(first!.scheduler.totals.tokens.generated);
    expect(second!.agents.map(({ id, state }) => [id, state])).toEqual([['writer', 'running']]);
    expect(first!.daemon).toMatchObject({ model: 'smollm2-135m-instruct', fault: null });
    await until(daemon.status, ({ engine }) => engine.running === 0);
  });

  test('a reader that has enough ends it', async () => {
    const child = spawn('sh', ['-c', `"${process.execPath}" "${RUN}" top --interval 0.1 | head -n 1`], {
      env: { ...process.env, SEMANTIC_HOME: daemon.home },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (text: Buffer) => (err += text.toString()));
    const [code] = (await once(child, 'close')) as [number];
    expect([code, err]).toEqual([0, '']);
  });
});

describe('without a daemon', () => {
  test('it ends with 7 and says so', async () => {
    const socket = join(daemon.home, 'none.sock');
    const plain = await semantic(['top', '--socket', socket], { home: daemon.home });
    expect([plain.exitCode, plain.stdout]).toEqual([7, '']);
    expect(plain.stderr).toContain(`no daemon answers on ${socket}`);
    const json = await semantic(['top', '--socket', socket, '--json'], { home: daemon.home });
    expect(json.exitCode).toBe(7);
    expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'DaemonUnreachable' } });
  });

  test('lines end with 7 when it goes away', async () => {
    const other = await startDaemon();
    const child = spawn(process.execPath, [RUN, 'top', '--interval', '0.1'], { env: { ...process.env, SEMANTIC_HOME: other.home } });
    const [out, err] = [collect(child.stdout), collect(child.stderr)];
    const ended = once(child, 'close') as Promise<[number]>;
    await until(out, (text) => text.includes('\n'));
    await other.stop();
    expect([(await ended)[0], err()]).toEqual([7, expect.stringMatching(/the daemon on|no daemon answers on/)]);
  });

  test.each(['0', '-1', 'soon', '', '1e9'])('an interval of "%s" is refused', async (interval) => {
    const { exitCode, stderr } = await semantic(['top', `--interval=${interval}`], { home: daemon.home });
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('--interval takes 0.1 to 3600 seconds')]);
  });
});

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (more: string) => (text += more));
  return () => text;
}

describe('on a terminal', () => {
  /** Between two looks at how the terminal is set. */
  const inShell = (env: Readonly<Record<string, string>> = {}) =>
    runOnTerminal(
      [
        'env',
        ...['-u', 'CI', 'TERM=xterm'],
        'sh',
        '-c',
        `stty rows 24 cols 80; stty -g > before; sh -c 'echo $$ > pid; exec "$0" "$1" top --interval 0.1' "${process.execPath}" "${RUN}"; code=$?; stty -g > after; echo ended $code; cat`,
      ],
      { SEMANTIC_HOME: daemon.home, ...env },
      daemon.home,
    );
  const settings = (when: string) => readFileSync(join(daemon.home, when), 'utf8');

  test('keys sort, open and leave, and the terminal is as it was', async () => {
    await new AgentApi(daemon).create({ id: 'gardener' });
    const terminal = inShell();
    await terminal.shows(/> (gardener|writer)/);
    expect(terminal.output()).toContain('\u001B[?1049h');
    terminal.type('n');
    await terminal.shows('AGENTv');
    terminal.type('\r');
    await terminal.shows('gardener');
    await terminal.shows('has written');
    terminal.type('\u001B');
    terminal.type('q');
    await terminal.shows('ended 0');
    expect(terminal.output().split('ended 0')[0]).toContain(SCREEN_LEFT);
    expect(settings('after')).toBe(settings('before'));
    terminal.type('\u0004');
    expect(await terminal.ended()).toBe(0);
  });

  test('SIGTERM gives the terminal back, too', async () => {
    const terminal = inShell();
    await terminal.shows('q leave');
    process.kill(Number(settings('pid')), 'SIGTERM');
    await terminal.shows('ended 143');
    expect(terminal.output().split('ended 143')[0]).toContain(SCREEN_LEFT);
    expect(settings('after')).toBe(settings('before'));
    terminal.type('\u0004');
    await terminal.ended();
  });

  test('NO_COLOR leaves colours out', async () => {
    const terminal = inShell({ NO_COLOR: '1' });
    await terminal.shows('q leave');
    terminal.type('q');
    await terminal.shows('ended 0');
    expect(hasColours(terminal.output())).toBe(false);
    terminal.type('\u0004');
    await terminal.ended();
  });
});

test('other commands load neither ink nor react', async () => {
  const { stderr } = await semantic(['agents', 'ls'], { home: daemon.home, env: { NODE_DEBUG: 'esm' } });
  expect(stderr).toMatch(/@oclif/); // so there is a trace
  expect(stderr).not.toMatch(/node_modules\/(ink|react)\//);
});
