import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { execa } from 'execa';
import { afterEach, expect, test } from 'vitest';

const BOOTSTRAP = join(fileURLToPath(new URL('../..', import.meta.url)), 'bin/bootstrap.js');

let registry: Server | null = null;
afterEach(() => {
  registry?.closeAllConnections();
  registry?.close();
  registry = null;
});

async function listen(answer: RequestListener): Promise<string> {
  registry = createServer(answer).listen(0, '127.0.0.1');
  await once(registry, 'listening');
  return `http://127.0.0.1:${(registry.address() as AddressInfo).port}/`;
}

async function audit(address: string, ...args: readonly string[]): Promise<{ readonly exit: number | undefined; readonly said: string }> {
  const env = { npm_config_registry: address, npm_config_offline: 'false' };
  const { exitCode, stdout, stderr } = await execa(process.execPath, [BOOTSTRAP, 'audit', ...args], {
    reject: false,
    env,
    timeout: 60_000,
  });
  expect(stdout).toBe('');
  return { exit: exitCode, said: stderr };
}

/** A registry that knows `advisories`, and remembers which packages it was asked about. */
function registryOf(advisories: object, asked: string[]): RequestListener {
  return (request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      if (request.url !== '/-/npm/v1/security/advisories/bulk') {
        response.writeHead(404).end('{}');
        return;
      }
      const body = Buffer.concat(parts);
      const text = request.headers['content-encoding'] === 'gzip' ? gunzipSync(body).toString() : body.toString();
      asked.push(...Object.keys(JSON.parse(text) as object));
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(advisories));
    });
  };
}

test('where no package has an advisory the exit code is 0, and all of the lockfile was asked about', async () => {
  const asked: string[] = [];
  const { exit, said } = await audit(await listen(registryOf({}, asked)));
  expect([exit, said]).toEqual([0, expect.stringMatching(/^\[audit\] 0 vulnerable of \d{3} packages/)]);
  expect(asked).toEqual(expect.arrayContaining(['fastify', 'zod', 'vitest']));
});

test('an advisory is exit code 1, with the package, how bad it is and why', async () => {
  const advisory = {
    id: 1,
    url: 'https://advisories.invalid/1',
    title: 'reads what it should not',
    severity: 'high',
    vulnerable_versions: '<99',
    cwe: [],
    cvss: { score: 0, vectorString: null },
  };
  const { exit, said } = await audit(await listen(registryOf({ toml: [advisory] }, [])));
  expect(exit).toBe(1);
  expect(said).toContain('high: toml: reads what it should not, in <99 (https://advisories.invalid/1)');
  expect(said).toMatch(/\[audit\] 1 vulnerable of/);
});

test.each([[[], 0] as const, [['--required'], 5] as const])(
  'a registry that does not answer audits is said so, with %j: exit code %i',
  async (args, code) => {
    const { exit, said } = await audit(await listen((_, response) => response.writeHead(405).end()), ...args);
    expect([exit, said]).toEqual([code, expect.stringMatching(/NOT AUDITED.*405/)]);
  },
);

test('so is one that is not there, and one that answers something else', async () => {
  const gone = await listen((_, response) => response.end('<html>'));
  expect(await audit(gone)).toEqual({ exit: 0, said: expect.stringContaining('NOT AUDITED') as unknown });
  registry!.closeAllConnections();
  registry!.close();
  expect(await audit(gone)).toEqual({ exit: 0, said: expect.stringMatching(/NOT AUDITED.*ECONNREFUSED/) as unknown });
});

test('an unknown flag is a usage error', async () => {
  expect(await audit('http://127.0.0.1:9/', '--fix')).toEqual({ exit: 2, said: expect.stringContaining('wanted --required') as unknown });
});
