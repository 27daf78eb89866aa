/** Nobody who looks at command lines, logs, files or reports of a crash finds a key or a prompt there. */
import { chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { commandLines } from '../support/command-lines.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, RUN, semantic } from '../support/run-semantic.js';

const CLIENT_KEY = 'sk-canary-of-the-client';
const HUB_TOKEN = 'hf_canary-of-the-hub';
const WRONG_KEY = 'sk-canary-that-is-not-on-file';
const PROMPT = 'xylophone zeppelin';
const folder = mkdtempSync(join(tmpdir(), 'semantic-'));
const home = createHome();
let key = '';

/** Ends the process as bugs do: with an exception that nobody catches, or without memory. */
const PRELOAD = `
process.on('SIGUSR2', () => setImmediate(() => { throw new Error('forced'); }));
process.on('SIGWINCH', () => { const kept = []; for (;;) kept.push(new Array(1e5).fill(kept.length + 0.5)); });
`;

beforeAll(async () => {
  writeFileSync(join(folder, 'preload.mjs'), PRELOAD);
  const { stdout } = await semantic(['keys', 'add', '--json'], { home: home.path });
  ({ key } = JSON.parse(stdout) as { key: string });
});
afterAll(() => {
  home.remove();
  rmSync(folder, { recursive: true, force: true });
});

const SECRETS = (): readonly string[] => [CLIENT_KEY, HUB_TOKEN, WRONG_KEY, key];
const found = (text: string): readonly string[] => [...SECRETS(), 'xylophone', 'zeppelin'].filter((secret) => text.includes(secret));

function start(env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> {
  return startDaemon([], {
    SEMANTIC_HOME: home.path,
    SEMANTIC_CLIENT_API_KEY: CLIENT_KEY,
    HF_TOKEN: HUB_TOKEN,
    SEMANTIC_SERVER_REQUIRE_KEYS: 'true',
    SEMANTIC_LOG_LEVEL: 'debug',
    SEMANTIC_STORE_ENABLED: 'false', // KV on disk is of prompts, and says so
    ...env,
  });
}

function filesUnder(path: string): readonly string[] {
  return readdirSync(path, { recursive: true, encoding: 'utf8' })
    .map((name) => join(path, name))
    .filter((file) => lstatSync(file).isFile());
}

const asked = (init: object): RequestInit => ({ headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' }, ...init });

describe('a daemon that was given keys in its environment and on file', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await start();
  });

  test('shows none of them to ps, nor does what it starts', { skip: !existsSync('/proc/self/cmdline') }, async () => {
    const lines = commandLines(daemon.summary.pid);
    expect(lines.join('\n')).toContain('bin/run.js serve');
    expect(found(lines.join('\n'))).toEqual([]);
  });

  test('logs no key, and nothing of a prompt, whatever is wrong with a request', async () => {
    const { address } = daemon.summary;
    const model = daemon.summary.model.id;
    const say = (content: unknown): object => ({ model, messages: [{ role: 'user', content }], max_tokens: 2 });
    const statuses: number[] = [];
    const post = async (path: string, body: string, init: RequestInit = asked({})): Promise<void> => {
      const reply = await fetch(`${address}${path}`, { method: 'POST', body, ...init });
      statuses.push(reply.status);
      await reply.text();
    };
    await post('/v1/chat/completions', JSON.stringify(say(PROMPT)));
    await post('/v1/chat/completions', JSON.stringify(say(PROMPT)), { headers: { authorization: `Bearer ${WRONG_KEY}` } });
    await post('/v1/messages', JSON.stringify(say(PROMPT)), { headers: { 'x-api-key': WRONG_KEY } });
    await post('/v1/chat/completions', `{"model": ${PROMPT}}`);
    await post('/v1/chat/completions', JSON.stringify(say({ text: PROMPT })));
    await post('/v1/messages', JSON.stringify(say([{ type: PROMPT, text: PROMPT }])));
    await post('/v1/chat/completions', JSON.stringify({ ...say(PROMPT), guided_regex: `(${PROMPT}` }));
    await post('/v1/chat/completions', JSON.stringify({ ...say(PROMPT), temperature: PROMPT }));
    await post('/v1/responses', JSON.stringify({ model, input: { text: PROMPT } }));
    await post('/v1/completions', JSON.stringify({ model, prompt: { text: PROMPT } }));
    await post('/v1/embeddings', JSON.stringify({ model, input: { text: PROMPT } }));
    await post('/v1/nowhere?prompt=xylophone', JSON.stringify(say(PROMPT)));
    expect(statuses).toEqual([200, 401, 401, 400, 400, 400, 400, 400, 400, 400, 400, 404]);
    expect(await broken(address, `NONSENSE / HTTP/9\r\nauthorization: Bearer ${key}\r\nx-text: ${PROMPT}\r\n\r\n`)).toContain(
      'HTTP/1.1 400',
    );
    // A line comes when the connection has taken its answer: one for each that is not valid, the nonsense included.
    const log = await until(
      () => daemon.stderr(),
      (text) => (text.match(/"code":"invalid_request"/g) ?? []).length >= 9,
    );
    expect(log).toContain('"param":"messages[0].content"');
    expect(found(log)).toEqual([]);
  });

  test('leaves no key in any file, but that which its owner wrote', async () => {
    daemon.signal('SIGTERM');
    expect((await daemon.ended())[0]).toBe(0);
    const holders = filesUnder(home.path).filter((file) => SECRETS().some((secret) => readFileSync(file).includes(secret)));
    expect([filesUnder(home.path).length > 0, holders]).toEqual([true, []]);
  });

  test('says of a key that is no key where it came from, not what it is; a reload too', async () => {
    const refused = await semantic(['serve', '--port', '0'], { home: home.path, env: { SEMANTIC_CLIENT_API_KEY: `${CLIENT_KEY} x` } });
    expect(refused).toMatchObject({ exitCode: 2, stderr: expect.stringContaining('client.api_key = (not shown) (environment') as unknown });
    expect(found(refused.stderr + refused.stdout)).toEqual([]);
    const other = createHome();
    const open = await startDaemon([], { SEMANTIC_HOME: other.path });
    writeFileSync(join(other.path, 'config.toml'), `[client]\napi_key = "${CLIENT_KEY} x"\n`);
    const reply = await fetch(`${open.summary.address}/v1/admin/config/reload`, { method: 'POST' });
    const said = await reply.text();
    await open.stop();
    other.remove();
    expect([reply.status, said]).toEqual([500, expect.stringContaining('client.api_key = (not shown)')]);
    expect(found(said + open.stderr())).toEqual([]);
  });
});

/** What comes back for bytes that are no request. */
async function broken(address: string, bytes: string): Promise<string> {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('utf8').on('data', (text: string) => (answer += text));
  socket.end(bytes);
  await once(socket, 'close');
  return answer;
}

describe('a crash', () => {
  test.each([
    ['an exception that nobody catches', 'SIGUSR2', 'Error: forced'],
    ['no memory left', 'SIGWINCH', 'heap out of memory'],
  ] as const)('by %s: neither what Node prints nor the report it was told to write has a key or a prompt', async (_, signal, said) => {
    const reports = mkdtempSync(join(folder, 'reports-'));
    const preload = pathToFileURL(join(folder, 'preload.mjs')).href;
    const reporting = `--report-on-fatalerror --report-uncaught-exception --report-directory=${reports}`;
    const daemon = await start({ NODE_OPTIONS: `--import ${preload} --max-old-space-size=400 ${reporting}` });
    const running = daemon.chat({ messages: [{ role: 'user', content: PROMPT }], ignore_eos: true, max_tokens: 4000 }, asked({}));
    running.catch(() => undefined); // it ends with the daemon
    await until(
      () =>
        fetch(`${daemon.summary.address}/v1/admin/status`, asked({})).then(
          (reply) => reply.json() as Promise<{ engine: { running: number } }>,
        ),
      ({ engine }) => engine.running > 0,
    );
    process.kill(daemon.summary.pid, signal);
    const [code, name] = await daemon.ended();
    expect([code === 0, name === 'SIGTERM']).toEqual([false, false]);
    expect(daemon.stderr()).toContain(said);
    expect(found(daemon.stderr())).toEqual([]);
    const written = filesUnder(reports);
    expect(written).toHaveLength(1);
    expect(readFileSync(written[0]!, 'utf8')).toContain('bin/run.js');
    expect(found(readFileSync(written[0]!, 'utf8'))).toEqual([]);
  });
});

describe('semantic launch', { skip: !existsSync('/proc/self/cmdline') }, () => {
  /** Stands in for a client: waits to be looked at. */
  const CLIENT = `#!${process.execPath}
require('node:fs').writeFileSync(process.env.REPORT, JSON.stringify(process.env));
setInterval(() => {}, 1000);
`;
  const bin = join(folder, 'bin');
  let daemon: TestDaemon;

  beforeAll(async () => {
    daemon = await start();
    mkdirSync(bin);
    for (const name of ['claude', 'codex', 'opencode', 'pi']) {
      writeFileSync(join(bin, name), CLIENT);
      chmodSync(join(bin, name), 0o755);
    }
  });

  test.each(['claude', 'codex', 'opencode', 'pi'])('%s has the key in its environment, and no argument has it', async (name) => {
    const { lines, environment } = await launched([name]);
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).toContain(join(bin, name));
    expect(found(lines.join('\n'))).toEqual([]);
    expect(Object.values(environment)).toContain(key);
  });

  test('--serve: the daemon it starts has none in an argument either, and its log has none', async () => {
    daemon.signal('SIGTERM');
    await daemon.ended();
    const { lines } = await launched(['codex', '--serve']);
    expect(lines.filter((line) => line.includes('bin/run.js'))).toHaveLength(2);
    expect(found(lines.join('\n'))).toEqual([]);
    expect(found(readFileSync(join(home.path, 'launch-serve.log'), 'utf8'))).toEqual([]);
  });

  /** Command lines of the command and all it has started, and the environment of the client. */
  async function launched(args: readonly string[]): Promise<{ readonly lines: readonly string[]; readonly environment: object }> {
    const report = join(folder, 'report.json');
    rmSync(report, { force: true });
    const child = spawn(process.execPath, [RUN, 'launch', ...args], {
      env: {
        ...process.env,
        PATH: `${bin}:${process.env['PATH'] ?? ''}`,
        REPORT: report,
        SEMANTIC_HOME: home.path,
        SEMANTIC_SERVER_PORT: '0',
        SEMANTIC_CLIENT_API_KEY: key,
        HF_TOKEN: HUB_TOKEN,
      },
      stdio: 'ignore',
    });
    const ended = once(child, 'exit');
    await until(
      () => existsSync(report) && readFileSync(report, 'utf8').endsWith('}'),
      (isThere) => isThere,
    );
    const lines = commandLines(child.pid!);
    child.kill('SIGTERM');
    await ended;
    return { lines, environment: JSON.parse(readFileSync(report, 'utf8')) as object };
  }
});
