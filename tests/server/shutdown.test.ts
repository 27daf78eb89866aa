/** What a daemon says while it starts, and that it ends in order under load: nobody is left without an answer, and no turn is lost. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, RUN } from '../support/run-semantic.js';

const home = createHome();
afterAll(() => home.remove());
const start = (env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> => startDaemon([], { SEMANTIC_HOME: home.path, ...env });

interface Said {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Over the Unix socket; null where nobody listens. */
function ask(socketPath: string, path: string): Promise<Said | null> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () =>
        resolve({ status: response.statusCode!, retryAfter: response.headers['retry-after'], body: JSON.parse(text) as Said['body'] }),
      );
    });
    asked.on('error', () => resolve(null)).end();
  });
}

describe('while the model is loaded', () => {
  const socket = join(home.path, 'starting.sock');

  test('a daemon is alive, says how far it is, and refuses all else with 503 and a time to come again', async () => {
    const child = spawn(process.execPath, [RUN, 'serve', '--port', '0', '--socket', socket], {
      env: { ...process.env, SEMANTIC_HOME: home.path },
      stdio: 'ignore',
    });
    const paths = ['/health/live', '/health/startup', '/health/ready', '/v1/models'];
    let said: readonly (Said | null)[] = [null];
    // One of them may have come before the socket was there.
    while (said.includes(null) || said[1]?.status !== 503) {
      const now = await Promise.all(paths.map((path) => ask(socket, path)));
      expect(now[1]?.status).not.toBe(200); // then it was never seen to start
      said = now;
    }
    const [live, startup, ready, models] = said;
    expect([live!.status, live!.body]).toEqual([200, { status: 'ok' }]);
    expect(startup.body).toMatchObject({ status: 'starting', phase: expect.stringMatching(/^(opening|loading)/) });
    expect([ready?.status, ready?.body]).toEqual([503, { status: 'starting' }]);
    expect([models?.status, models?.retryAfter]).toEqual([503, '2']);
    expect(models!.body).toMatchObject({
      type: 'error',
      error: { code: 'model_unavailable', message: expect.stringContaining('starting') },
    });
    const started = await until(
      () => ask(socket, '/health/startup'),
      (report) => report?.status === 200,
    );
    expect(started!.body).toEqual({ status: 'ok' });
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('a signal ends it at once, and leaves no socket behind', async () => {
    const child = spawn(process.execPath, [RUN, 'serve', '--port', '0', '--socket', socket], {
      env: { ...process.env, SEMANTIC_HOME: home.path },
      stdio: 'ignore',
    });
    await until(
      () => ask(socket, '/health/startup'),
      (report) => report !== null,
    );
    child.kill('SIGTERM');
    expect((await once(child, 'exit'))[0]).toBeOneOf([143, 0]); // 0 where it had just become ready
    expect(existsSync(socket)).toBe(false);
  });
});

describe('under load', () => {
  const AGENTS = Array.from({ length: 16 }, (_, i) => `agent-${i}`);
  let daemon: TestDaemon;
  let first: readonly number[] = [];
  let ended: readonly string[] = [];
  let exit: readonly unknown[] = [];

  const post = (path: string, body: object): Promise<Response> =>
    fetch(`${daemon.summary.address}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  const turn = (id: string, content: string, more: object): Promise<Response> =>
    post(`/v1/agents/${id}/generate`, { messages: [{ role: 'user', content }], ignore_eos: true, ...more });

  beforeAll(async () => {
    daemon = await start({ SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '2', SEMANTIC_MODEL_CONTEXT: '2048' });
    for (const id of AGENTS) await post('/v1/agents', { id });
    first = await Promise.all(
      AGENTS.map(async (id) => (await turn(id, `I am ${id}. ${'Remember this. '.repeat(30)}`, { max_tokens: 4 })).status),
    );
    const streams = AGENTS.map(async (id, i) => (await turn(id, 'Go on.', { stream: true, max_tokens: i < 4 ? 8 : 1900 })).text());
    await until(daemon.status, ({ engine }) => engine.running >= 12);
    daemon.signal('SIGTERM');
    ended = await Promise.all(streams);
    exit = await daemon.ended();
  }, 120_000);
  afterAll(() => daemon.stop());

  test('every stream comes to its end: complete, or with an event that says why it was cut', () => {
    expect([first, exit]).toEqual([AGENTS.map(() => 200), [0, null]]);
    const complete = ended.filter((text) => text.includes('"type":"finished"') || text.includes('event: finished'));
    const cut = ended.filter((text) => text.includes('shutting_down'));
    expect(complete.length + cut.length).toBe(AGENTS.length);
    expect(cut.length).toBeGreaterThan(0); // else it was no test of the deadline
  });

  test('every turn that was complete before is found after the restart', async () => {
    daemon = await start({ SEMANTIC_MODEL_CONTEXT: '2048' });
    const replies = await Promise.all(AGENTS.map((id) => turn(id, 'And now?', { max_tokens: 1 })));
    const cached = await Promise.all(
      replies.map(async (reply) => ((await reply.json()) as { usage: { cached_tokens: number } }).usage.cached_tokens),
    );
    expect(Math.min(...cached)).toBeGreaterThan(100);
  });

  test('a second signal ends what runs, and all else goes its way; the daemon is alive and not ready meanwhile', async () => {
    const slow = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '600' });
    const { running } = await stopping(slow);
    expect((await fetch(`${slow.summary.address}/health/live`)).status).toBe(200);
    slow.signal('SIGTERM');
    expect(await (await running).text()).toContain('shutting_down');
    expect(await slow.ended()).toEqual([0, null]);
    await slow.stop();
  });

  test('a third signal ends the process at once, and no socket is left', async () => {
    const slow = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '600' });
    (await stopping(slow)).running.catch(() => undefined);
    for (const signal of ['SIGINT', 'SIGTERM'] as const) slow.signal(signal);
    expect((await slow.ended())[0]).toBeOneOf([143, 130]); // two that wait at once are not told in the order they came
    expect(existsSync(slow.summary.socket)).toBe(false);
    await slow.stop();
  });

  /** A daemon with an answer that does not end, after the first signal. */
  async function stopping(slow: TestDaemon): Promise<{ readonly running: Promise<Response> }> {
    const running = slow.chat({ messages: [{ role: 'user', content: 'Tell a story.' }], ignore_eos: true, stream: true, max_tokens: 8000 });
    await until(slow.status, ({ engine }) => engine.running === 1);
    slow.signal('SIGTERM');
    await until(
      async () => (await fetch(`${slow.summary.address}/health/ready`)).status,
      (status) => status === 503,
    );
    return { running };
  }
});
