/** The lines that requests leave in a real daemon's log: one each, with what came of them, and with nothing of what was asked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import pino from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { NO_TRACES } from '../../src/adapters/traces/traces.js';
import { SemanticError } from '../../src/core/domain/errors.js';
import { replyWithError } from '../../src/server/error-reply.js';
import { followRequests } from '../../src/server/follow-requests.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { listenHere } from '../support/listen-here.js';
import { createHome, semantic } from '../support/run-semantic.js';
import { STARTER_MODEL } from '../support/starter-model.js';

type Line = Readonly<Record<string, unknown>>;
const [DEBUG, INFO, WARN, ERROR] = [20, 30, 40, 50] as const;

function linesOf(daemon: TestDaemon): readonly Line[] {
  const text = daemon.stderr();
  const whole = text.slice(0, text.lastIndexOf('\n') + 1).split('\n');
  return whole.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as Line);
}

/** Those of one request, when the last of them is there. */
async function linesFor(daemon: TestDaemon, reply: Response): Promise<readonly Line[]> {
  const id = reply.headers.get('x-request-id');
  await reply.text();
  await until(
    () => linesOf(daemon),
    (lines) => lines.some(({ reqId }) => reqId === id),
  );
  // Whatever else it leaves has come before the line of a request that was made after it.
  const after = await fetch(`${daemon.summary.address}/v1/nothing`);
  await until(
    () => linesOf(daemon),
    (lines) => lines.some(({ reqId }) => reqId === after.headers.get('x-request-id')),
  );
  return linesOf(daemon).filter(({ reqId }) => reqId === id);
}

const user = (content: string): { readonly messages: readonly object[] } => ({ messages: [{ role: 'user', content }] });

describe('at level info', () => {
  const home = createHome();
  let daemon: TestDaemon;
  let key = '';
  beforeAll(async () => {
    const { stdout } = await semantic(['keys', 'add', 'laptop', '--json'], { home: home.path });
    key = (JSON.parse(stdout) as { key: string }).key;
    daemon = await startDaemon([], {
      SEMANTIC_HOME: home.path,
      SEMANTIC_SERVER_REQUIRE_KEYS: 'true',
      SEMANTIC_MODEL_CONTEXT: '2048',
      SEMANTIC_ENGINE_MAX_QUEUE: '1',
      SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '1',
    });
  }, 60_000);
  afterAll(async () => {
    await daemon.stop();
    home.remove();
  });

  const ask = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`${daemon.summary.address}${path}`, { ...init, headers: { authorization: `Bearer ${key}`, ...(init.headers as object) } });
  const post = (path: string, body: object | string, init: RequestInit = {}): Promise<Response> =>
    ask(path, { method: 'POST', body: typeof body === 'string' ? body : JSON.stringify(body), ...init });
  const chat = (body: object, init: RequestInit = {}): Promise<Response> =>
    post('/v1/chat/completions', { model: STARTER_MODEL, ...body }, init);

  test('what is refused says status, code, method, route, duration and key, and not what was asked', async () => {
    const invalid = await chat({ ...user('The password is xylophone-7.'), temperature: 'xylophone-7' });
    expect(await linesFor(daemon, invalid)).toEqual([
      expect.objectContaining({
        level: INFO,
        msg: 'refused',
        method: 'POST',
        route: '/v1/chat/completions',
        status: 400,
        code: 'invalid_request',
        param: 'temperature',
        millis: expect.any(Number),
        key: expect.stringMatching(/^[\da-f]{16}$/),
        trace: expect.stringMatching(/^[\da-f]{32}$/),
      }),
    ]);
    const broken = await post('/v1/messages', '{"messages": xylophone-7');
    expect(await linesFor(daemon, broken)).toEqual([
      expect.objectContaining({ level: INFO, status: 400, route: '/v1/messages', msg: 'refused' }),
    ]);
    const long = await chat(user('x '.repeat(5000)));
    expect(await linesFor(daemon, long)).toEqual([
      expect.objectContaining({
        level: INFO,
        code: 'context_length_exceeded',
        msg: expect.stringMatching(/prompt is too long: \d+ tokens/),
      }),
    ]);
    const nobody = await ask('/v1/agents/ghost?secret=xylophone-7');
    expect(await linesFor(daemon, nobody)).toEqual([
      expect.objectContaining({ level: INFO, method: 'GET', route: '/v1/agents/:id', status: 404, code: 'agent_not_found' }),
    ]);
    const nowhere = await ask('/v1/nowhere?secret=xylophone-7');
    expect(await linesFor(daemon, nowhere)).toEqual([
      expect.objectContaining({ level: INFO, route: null, status: 404, code: 'route_not_found' }),
    ]);
    expect(daemon.stderr()).not.toContain('xylophone-7');
    expect(daemon.stderr()).not.toContain(key);
  });

  test('a key that is not on file is not named in any way', async () => {
    const refused = await chat(user('Hello'), { headers: { authorization: 'Bearer sk-mistyped' } });
    const [line, ...more] = await linesFor(daemon, refused);
    expect(line).toMatchObject({ level: INFO, status: 401, code: 'invalid_api_key' });
    expect([Object.keys(line!).includes('key'), more, daemon.stderr().includes('sk-mistyped')]).toEqual([false, [], false]);
  });

  test('an answer has its own line and no other; what has no answer has one, and what is polled has none', async () => {
    const answered = await linesFor(daemon, await chat({ ...user('Hello'), max_tokens: 2, stream: true }));
    expect(answered.map(({ level, msg }) => [level, msg])).toEqual([[INFO, 'answered']]);
    const created = await linesFor(daemon, await post('/v1/agents', { id: 'ada' }));
    expect(created).toEqual([expect.objectContaining({ level: INFO, msg: 'done', method: 'POST', route: '/v1/agents', status: 201 })]);
    const turn = await linesFor(daemon, await post('/v1/agents/ada/generate', { input: 'Hello', max_tokens: 2 }));
    expect(turn.map(({ msg }) => msg)).toEqual(['answered']);
    const limits = await ask('/v1/admin/scheduler', { method: 'PATCH', body: JSON.stringify({ batch_window_ms: 5 }) });
    expect(await linesFor(daemon, limits)).toEqual([
      expect.objectContaining({ level: INFO, msg: 'done', method: 'PATCH', route: '/v1/admin/scheduler' }),
    ]);
    const polled: readonly Response[] = await Promise.all(['/health/ready', '/metrics', '/v1/admin/status'].map((path) => ask(path)));
    await linesFor(daemon, await ask('/v1/models')); // after them
    const ids = polled.map(({ headers }) => headers.get('x-request-id'));
    expect(linesOf(daemon).filter(({ reqId }) => ids.includes(reqId as string))).toEqual([]);
  });

  test('a full queue is a warning, a client that goes away is not, and an answer that breaks off says why', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const stream = (signal: AbortSignal): Promise<Response> => chat({ ...user('A story.'), ignore_eos: true, stream: true }, { signal });
    const running = await stream(first.signal);
    const waiting = stream(second.signal).catch(() => null);
    const counts = async (): Promise<Record<string, number>> =>
      ((await (await ask('/v1/admin/status')).json()) as { engine: Record<string, number> }).engine;
    await until(counts, ({ waiting: count }) => count === 1);
    const refused = await chat(user('Hello'));
    expect(refused.status).toBe(429);
    const warned = await linesFor(daemon, refused);
    expect(warned).toEqual([
      expect.objectContaining({ level: WARN, status: 429, code: 'overloaded', msg: expect.stringMatching(/^refused: /) }),
    ]);
    const id = running.headers.get('x-request-id');
    first.abort();
    const gone = await until(
      () => linesOf(daemon).filter(({ reqId }) => reqId === id),
      ({ length }) => length > 0,
    );
    expect(gone).toEqual([expect.objectContaining({ level: INFO, msg: 'cancelled', code: 'cancelled' })]);
    second.abort();
    await waiting;
    const late = await linesFor(daemon, await chat({ ...user('A story.'), ignore_eos: true, stream: true, timeout_ms: 400 }));
    expect(late).toEqual([expect.objectContaining({ level: INFO, status: 200, code: 'deadline_exceeded' })]);
  });

  test('what is no HTTP, or comes too large, has a line too', async () => {
    const { port } = new URL(daemon.summary.address);
    const socket = connect(Number(port), '127.0.0.1');
    socket.end('xylophone-8 this is not HTTP\r\n\r\n');
    await new Promise((resolve) => socket.resume().once('close', resolve));
    const found = await until(
      () => linesOf(daemon).filter(({ reqId, msg }) => reqId === undefined && String(msg).startsWith('refused')),
      ({ length }) => length > 0,
    );
    expect(found).toEqual([expect.objectContaining({ level: INFO, status: 400, code: 'invalid_request' })]);
    expect(daemon.stderr()).not.toContain('xylophone-8');
  });

  test('a daemon that stops refuses with a warning', async () => {
    const story = await chat({ ...user('A story.'), ignore_eos: true, stream: true });
    daemon.signal('SIGTERM');
    const refused = await until(
      () => chat(user('Hello')),
      ({ status }) => status === 503,
    );
    const id = refused.headers.get('x-request-id');
    await story.text();
    await daemon.ended();
    const lines = linesOf(daemon).filter(({ reqId }) => reqId === id);
    expect(lines).toEqual([expect.objectContaining({ level: WARN, status: 503, code: 'shutting_down' })]);
    const cut = linesOf(daemon).filter(({ reqId }) => reqId === story.headers.get('x-request-id'));
    expect(cut).toEqual([expect.objectContaining({ level: WARN, status: 200, code: 'shutting_down' })]);
    expect(linesOf(daemon).some(({ level }) => level === ERROR || level === DEBUG)).toBe(false);
  });
});

test('at level debug what is polled has its line', async () => {
  const daemon = await startDaemon([], { SEMANTIC_LOG_LEVEL: 'debug' });
  const polled = await linesFor(daemon, await fetch(`${daemon.summary.address}/health/ready`));
  expect(polled).toEqual([expect.objectContaining({ level: DEBUG, msg: 'done', route: '/health/ready', status: 200 })]);
  await daemon.stop();
});

test('a failure of ours is an error with its cause, and what only seems to be one is a warning', async () => {
  const lines: Line[] = [];
  const loggerInstance: FastifyBaseLogger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line) as Line) });
  const app = Fastify({ loggerInstance, logController: new LogController({ disableRequestLogging: true }) });
  followRequests(app, NO_TRACES);
  app.setErrorHandler(replyWithError);
  const failures: Readonly<Record<string, Error>> = {
    bug: new TypeError('undefined is not a function', { cause: new Error('the reason') }),
    engine: new SemanticError('EngineFailed', '[engine] a step failed'),
    busy: new SemanticError('PoolExhausted', '[engine] no block is free'),
  };
  app.get<{ Params: { how: string } }>('/fail/:how', ({ params }) => {
    throw failures[params.how]!;
  });
  await app.ready();
  const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
  const doors = await listenHere(app, join(folder, 's.sock'));
  const said: (readonly [number, Line])[] = [];
  for (const how of Object.keys(failures)) {
    const { status } = await fetch(`${doors.address}/fail/${how}?secret=1`);
    await until(
      () => lines,
      ({ length }) => length === said.length + 1,
    );
    said.push([status, lines.at(-1)!]);
  }
  const line = { method: 'GET', route: '/fail/:how', status: 500 };
  expect(said).toEqual([
    [
      500,
      expect.objectContaining({
        ...line,
        level: ERROR,
        code: 'internal',
        err: expect.objectContaining({ type: 'TypeError', stack: expect.stringContaining('caused by: Error: the reason') }),
      }),
    ],
    [
      500,
      expect.objectContaining({
        ...line,
        level: ERROR,
        code: 'engine_failed',
        err: expect.objectContaining({ stack: expect.any(String) }),
      }),
    ],
    [
      503,
      expect.objectContaining({ ...line, status: 503, level: WARN, code: 'pool_exhausted', msg: 'refused: [engine] no block is free' }),
    ],
  ]);
  doors.destroy();
  await app.close();
  rmSync(folder, { recursive: true, force: true });
});
