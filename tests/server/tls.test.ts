/** A daemon that speaks TLS, from the moment its doors open until its certificate is exchanged. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { connect as connectTls } from 'node:tls';
import { Agent, fetch } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Authority } from '../support/certificates.js';
import { startDaemon, type TestDaemon, until } from '../support/daemon.js';
import { createHome, RUN, semantic } from '../support/run-semantic.js';

const home = createHome();
const authority = new Authority('of this test');
const trusting = new Agent({ connect: { ca: authority.cert } });
const [certFile, keyFile, caFile] = ['server.pem', 'server.key', 'ca.pem'].map((name) => join(home.path, name)) as [string, string, string];
const put = ({ cert, key } = authority.issue()): void => {
  writeFileSync(certFile, cert);
  writeFileSync(keyFile, key);
};
const TLS = { SEMANTIC_SERVER_TLS_CERT_FILE: certFile, SEMANTIC_SERVER_TLS_KEY_FILE: keyFile };
const env = { SEMANTIC_HOME: home.path, ...TLS };
const run = (args: readonly string[], more: Readonly<Record<string, string>> = {}) =>
  semantic(args, { home: home.path, env: { ...TLS, ...more } });

let daemon: TestDaemon;
beforeAll(async () => {
  put();
  writeFileSync(caFile, authority.cert);
  daemon = await startDaemon([], env);
}, 60_000);
afterAll(async () => {
  await daemon.stop();
  await trusting.destroy();
  home.remove();
});

function fingerprint(): Promise<string> {
  const { hostname, port } = new URL(daemon.summary.address);
  return new Promise((resolve, reject) => {
    const socket = connectTls({ host: hostname, port: Number(port), ca: authority.cert }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

describe('a daemon with a certificate', () => {
  test('answers over HTTPS, as one body and as a stream', async () => {
    expect(daemon.summary.address).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const chat = (more: object) =>
      fetch(`${daemon.summary.address}/v1/chat/completions`, {
        dispatcher: trusting,
        method: 'POST',
        body: JSON.stringify({ model: daemon.summary.model.id, messages: [{ role: 'user', content: 'Hi' }], max_tokens: 2, ...more }),
      });
    expect(await (await chat({})).json()).toMatchObject({ usage: { completion_tokens: 2 } });
    expect(await (await chat({ stream: true })).text()).toMatch(/data: \[DONE\]\n\n$/);
  });

  test('says https in status and banner, and its commands reach it by the socket', async () => {
    const { stdout } = await run(['status']);
    expect(stdout).toContain(`address   ${daemon.summary.address}`);
    const answer = await run(['chat', 'Hi', '--max-tokens', '2', '--json']);
    expect(JSON.parse(answer.stdout)).toMatchObject({ via: 'daemon' });
  });

  test('launch gives clients https where its signer is trusted here, and says how to have it trusted where not', async () => {
    const trusted = await run(['launch', 'claude', '--print', '--json'], { NODE_EXTRA_CA_CERTS: caFile });
    expect(JSON.parse(trusted.stdout)).toMatchObject({ set: { ANTHROPIC_BASE_URL: daemon.summary.address } });
    const refused = await run(['launch', 'claude', '--print', '--json']);
    expect([refused.exitCode, JSON.parse(refused.stdout)]).toEqual([
      2,
      { error: expect.objectContaining({ code: 'ConfigInvalid', hint: expect.stringContaining('NODE_EXTRA_CA_CERTS') }) },
    ]);
  });
});

describe('reload', () => {
  const reload = async () => {
    const { stdout } = await run(['config', 'reload', '--json']);
    return JSON.parse(stdout) as unknown;
  };

  test('shows a new certificate in the same files; a bad one leaves the old one in force, and nothing has changed', async () => {
    const before = await fingerprint();
    expect(await reload()).toEqual({ applied: [], needs_restart: [] });
    put(authority.issue({ to: 3 }));
    expect(await reload()).toEqual({ applied: ['server.tls_cert_file', 'server.tls_key_file'], needs_restart: [] });
    const renewed = await fingerprint();
    expect(renewed).not.toBe(before);
    await until(
      () => daemon.stderr(),
      (said) => said.includes('in 2 days'),
    );
    writeFileSync(keyFile, authority.issue().key);
    writeFileSync(join(home.path, 'config.toml'), '[scheduler]\nbatch_window_ms = 7\n');
    const refused = await run(['config', 'reload']);
    expect([refused.exitCode, refused.stderr]).toEqual([2, expect.stringContaining('not that of the certificate')]);
    const { limits } = (await (await fetch(`${daemon.summary.address}/v1/admin/scheduler`, { dispatcher: trusting })).json()) as {
      limits: object;
    };
    expect([await fingerprint(), limits]).toEqual([renewed, expect.objectContaining({ batch_window_ms: 10 })]);
    rmSync(certFile);
    process.kill(daemon.summary.pid, 'SIGHUP');
    await until(
      () => daemon.stderr(),
      (said) => said.includes(`SIGHUP: nothing changed: [tls] cannot read ${certFile}`),
    );
    expect(await fingerprint()).toBe(renewed);
    put();
    rmSync(join(home.path, 'config.toml'));
    process.kill(daemon.summary.pid, 'SIGHUP');
    await until(fingerprint, (shown) => shown !== renewed);
  });

  test('names what needs a restart: certificates of clients, and TLS itself', async () => {
    writeFileSync(join(home.path, 'config.toml'), `[server]\ntls_client_ca_file = ${JSON.stringify(caFile)}\n`);
    expect(await reload()).toEqual({ applied: [], needs_restart: ['server.tls_client_ca_file'] });
    expect((await fetch(`${daemon.summary.address}/health/live`, { dispatcher: trusting })).status).toBe(200);
    rmSync(join(home.path, 'config.toml'));
  });
});

describe('starting', () => {
  const socket = join(home.path, 'starting.sock');

  test('its doors speak TLS before the model is loaded', async () => {
    const port = await freePort();
    const child = spawn(process.execPath, [RUN, 'serve', '--port', String(port), '--socket', socket], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const banner = text(child.stdout);
    const asked = async () =>
      fetch(`https://127.0.0.1:${port}/health/startup`, { dispatcher: trusting }).then(
        ({ status }) => status,
        () => null,
      );
    expect(await until(asked, (status) => status !== null)).toBe(503);
    const { hostname, port: same } = new URL(`http://127.0.0.1:${port}`);
    const plain = connect(Number(same), hostname);
    plain.write('GET /health/startup HTTP/1.1\r\nhost: localhost\r\n\r\n');
    expect(await text(plain)).toMatch(/^HTTP\/1\.1 400 [\s\S]*https:\/\//);
    expect(
      await until(
        () => overSocket(socket),
        (status) => status !== null,
      ),
    ).toBeOneOf([503, 200]);
    expect(await until(asked, (status) => status === 200)).toBe(200);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
    expect(await banner).toContain(`curl https://127.0.0.1:${port}/`);
  });

  const bad = authority.issue({ from: -9, to: -1 });
  test.each<[string, () => Readonly<Record<string, string>>, string]>([
    ['half of the files', () => ({ SEMANTIC_SERVER_TLS_KEY_FILE: keyFile, SEMANTIC_SERVER_TLS_CERT_FILE: '' }), 'tls_cert_file is not'],
    ['a file that is not there', () => ({ SEMANTIC_SERVER_TLS_CERT_FILE: join(home.path, 'none.pem') }), 'none.pem'],
    ['a certificate that has expired', () => expiredFiles(bad), 'expired on'],
    ['signers of clients that are none', () => ({ SEMANTIC_SERVER_TLS_CLIENT_CA_FILE: keyFile }), 'no certificate in PEM'],
  ])('with %s ends with 2 before a model is looked for', async (_name, given, message) => {
    const ended = await run(['serve', '--port', '0', '--json', '--socket', socket, '--model', 'there-is-no-such-model'], given());
    expect([ended.exitCode, JSON.parse(ended.stdout)]).toEqual([
      2,
      { error: expect.objectContaining({ code: 'ConfigInvalid', message: expect.stringContaining(message) }) },
    ]);
  });

  function expiredFiles({ cert, key }: typeof bad): Record<string, string> {
    const [expired, itsKey] = [join(home.path, 'expired.pem'), join(home.path, 'expired.key')];
    writeFileSync(expired, cert);
    writeFileSync(itsKey, key);
    return { SEMANTIC_SERVER_TLS_CERT_FILE: expired, SEMANTIC_SERVER_TLS_KEY_FILE: itsKey };
  }
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function overSocket(socketPath: string): Promise<number | null> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path: '/health/startup' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? null);
    });
    asked.on('error', () => resolve(null)).end();
  });
}
