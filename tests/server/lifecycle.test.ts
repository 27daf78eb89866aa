import { existsSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, semantic } from '../support/run-semantic.js';

let daemon: TestDaemon | null = null;
afterEach(async () => {
  await daemon?.stop();
  daemon = null;
});

describe('starting', () => {
  test('a daemon says model, backend, address, socket and budget, in a folder only its owner can enter', async () => {
    daemon = await startDaemon();
    const { model, backend, address, socket, memory } = daemon.summary;
    expect(model).toMatchObject({ id: 'smollm2-135m-instruct', contextLength: 8192 });
    expect(backend.executor).toMatch(/^(cpu|mlx)$/);
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(memory.budgetBytes).toBeGreaterThan(model.weightBytes);
    expect(statSync(dirname(socket)).mode & 0o777).toBe(0o700);
    expect(statSync(socket).mode & 0o777).toBe(0o600);
  });

  test('a second daemon on the socket is DaemonRunning (7), and the first goes on', async () => {
    daemon = await startDaemon();
    const second = await semantic(['serve', '--port', '0', '--json'], { home: daemon.home });
    expect(second.exitCode).toBe(7);
    expect(JSON.parse(second.stdout)).toMatchObject({
      error: { code: 'DaemonRunning', message: expect.stringContaining(daemon.summary.socket) },
    });
    expect((await daemon.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 })).status).toBe(200);
  });

  test('a port in use is AddressInUse (7), names the port and leaves no socket behind', async () => {
    const home = createHome();
    const blocker = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => blocker.once('listening', resolve));
    const { port } = blocker.address() as { port: number };
    const refused = await semantic(['serve', '--port', String(port), '--json'], { home: home.path });
    blocker.close();
    expect(refused.exitCode).toBe(7);
    expect(JSON.parse(refused.stdout)).toMatchObject({
      error: { code: 'AddressInUse', message: expect.stringContaining(`127.0.0.1:${port}`), hint: expect.stringContaining('--port') },
    });
    expect(existsSync(join(home.path, 'run', 'semantic.sock'))).toBe(false);
    home.remove();
  });

  test('the socket of a daemon that was killed is taken over', async () => {
    daemon = await startDaemon();
    daemon.signal('SIGKILL');
    await daemon.ended();
    const { socket } = daemon.summary;
    expect(existsSync(socket)).toBe(true);
    const successor = await startDaemon(['--socket', socket]);
    expect(successor.summary.socket).toBe(socket);
    await successor.stop();
    expect(existsSync(socket)).toBe(false);
  });

  test.each([
    ['a socket path that is too long', ['--socket', `/tmp/${'x'.repeat(120)}.sock`], 2, /130 bytes.*10[37]/],
    ['an unknown model', ['--model', 'smolm2-135m-instruct'], 4, /no model/],
    ['a model file that is not there', ['--model', './nothing.gguf'], 4, /nothing\.gguf/],
    ['a context the model has not', ['--context', '9999'], 2, /9999.*8192/],
    ['a budget too small for the weights', [], 6, /budget|memory/i],
  ])('%s ends with its own exit code and message', async (name, args, exitCode, message) => {
    const home = createHome();
    const env = name.startsWith('a budget') ? { SEMANTIC_ENGINE_MEMORY_BUDGET_BYTES: '1000000' } : {};
    const ended = await semantic(['serve', '--port', '0', ...args], { home: home.path, env });
    home.remove();
    expect(ended.stderr).toMatch(message);
    expect(ended.exitCode).toBe(exitCode);
  });

  test('a truncated and a foreign model file are ModelFileCorrupt (4)', async () => {
    const home = createHome();
    writeFileSync(join(home.path, 'short.gguf'), 'GGUF\u0003\0\0\0');
    writeFileSync(join(home.path, 'text.gguf'), 'This is not a model at all.');
    for (const file of ['short.gguf', 'text.gguf']) {
      const ended = await semantic(['serve', '--port', '0', '--json', '--model', `./${file}`], { home: home.path });
      expect(ended.exitCode).toBe(4);
      expect(JSON.parse(ended.stdout)).toMatchObject({
        error: { code: 'ModelFileCorrupt', message: expect.stringContaining(file) },
      });
    }
    home.remove();
  });
});

describe('stopping', () => {
  const endless = { messages: [{ role: 'user', content: 'Write a long story.' }], ignore_eos: true, stream: true };

  test.each(['SIGTERM', 'SIGINT'] as const)('%s when idle: exit code 0, and no socket is left', async (signal) => {
    daemon = await startDaemon();
    daemon.signal(signal);
    expect(await daemon.ended()).toEqual([0, null]);
    expect(existsSync(daemon.summary.socket)).toBe(false);
  });

  test('SIGTERM lets a running answer finish, and answers new requests with 503', async () => {
    daemon = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '60' });
    const running = daemon.chat({ ...endless, max_tokens: 60 });
    await until(daemon.status, ({ engine }) => engine.running === 1);
    daemon.signal('SIGTERM');
    const refused = await until(
      () => daemon!.chat({ messages: [{ role: 'user', content: 'Hi' }], max_tokens: 1 }),
      ({ status }) => status !== 200,
    );
    expect(refused.status).toBe(503);
    expect(await refused.json()).toMatchObject({ error: { code: 'shutting_down' } });
    expect(await (await running).text()).toMatch(/data: \[DONE\]\n\n$/);
    expect(await daemon.ended()).toEqual([0, null]);
  });

  test('at the deadline running answers are cut with an error event, and the exit code is still 0', async () => {
    daemon = await startDaemon([], { SEMANTIC_SERVER_SHUTDOWN_TIMEOUT_SECONDS: '0' });
    const running = daemon.chat({ ...endless, max_tokens: 8000 });
    await until(daemon.status, ({ engine }) => engine.running === 1);
    const body = (await running).text();
    daemon.signal('SIGTERM');
    const text = await body;
    expect(text).not.toContain('[DONE]');
    expect(text).toContain('"code":"shutting_down"');
    expect(await daemon.ended()).toEqual([0, null]);
    expect(existsSync(daemon.summary.socket)).toBe(false);
  });
});
