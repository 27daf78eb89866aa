import { expect, test } from 'vitest';
import { assertMayListen } from '../../../src/server/doors/assert-may-listen.js';
import { assertHost, hostName } from '../../../src/server/doors/assert-host.js';
import { isLoopback } from '../../../src/server/doors/loopback.js';

test.each([
  '127.0.0.1',
  '127.9.8.7',
  '::1',
  '0:0:0:0:0:0:0:1',
  '::ffff:127.0.0.1',
  'localhost',
  'LocalHost',
  'localhost.',
  'app.localhost',
])('%s is this machine alone', (host) => expect(isLoopback(host)).toBe(true));

test.each(['0.0.0.0', '::', '10.0.0.1', '128.0.0.1', '::2', '::ffff:10.0.0.1', 'example.org', 'localhost.example.org', 'notlocalhost', ''])(
  '%j may be reached from elsewhere',
  (host) => expect(isLoopback(host)).toBe(false),
);

test.each([
  ['127.0.0.1:8000', '127.0.0.1'],
  ['LocalHost', 'localhost'],
  ['[::1]:8000', '::1'],
  ['[::1]', '::1'],
  ['evil.example:80', 'evil.example'],
  ['a:b:c', 'a:b:c'],
  ['127.0.0.1:80@evil.example', '127.0.0.1:80@evil.example'],
])('a Host of %s names %s', (header, name) => expect(hostName(header)).toBe(name));

test('assertHost() takes what is loopback, what is listed, and what is left out; all else is OriginRefused', () => {
  const known = new Set(['box.example']);
  for (const header of [undefined, '127.0.0.1:1', 'localhost', '[::1]:5', 'Box.Example:443']) assertHost(header, known);
  for (const header of ['evil.example', '', '127.0.0.1.evil.example', '10.0.0.1:8000', '127.0.0.1:80@evil.example', '0.0.0.0:8000'])
    expect(() => assertHost(header, known)).toThrow(expect.objectContaining({ code: 'OriginRefused' }));
});

test('assertMayListen() wants a flag for addresses that others reach, and a key for what needs keys', () => {
  const wish = { host: '127.0.0.1', allowRemote: false, requireKeys: false, keysOnFile: 0 };
  assertMayListen(wish);
  assertMayListen({ ...wish, host: '0.0.0.0', allowRemote: true, keysOnFile: 1 });
  assertMayListen({ ...wish, requireKeys: true, keysOnFile: 1 });
  const refused = [
    [{ host: '0.0.0.0', keysOnFile: 1 }, 'server.host', '--allow-remote'],
    [{ host: 'box.example', requireKeys: true, keysOnFile: 1 }, 'server.host', '--allow-remote'],
    [{ host: '::', allowRemote: true }, 'server.allow_remote', 'keys add'],
    [{ allowRemote: true }, 'server.allow_remote', 'keys add'],
    [{ requireKeys: true }, 'server.require_keys', 'keys add'],
  ] as const;
  for (const [changed, param, hint] of refused) {
    const wanted = expect.objectContaining({ code: 'ConfigInvalid', param, hint: expect.stringContaining(hint) });
    expect(() => assertMayListen({ ...wish, ...changed })).toThrow(wanted);
  }
});
