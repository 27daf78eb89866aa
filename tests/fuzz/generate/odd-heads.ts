/** Targets and headers as clients should not send them. All of it is one line each: lines themselves are broken by the raw streams. */
import type { Seeded } from '../../faults/seeded.js';
import type { Route } from './routes.js';

const IDS: Readonly<Record<string, readonly string[]>> = {
  '/v1/models/{id}': ['alpha', 'beta', 'gpt-4'],
  '/v1/admin/models/{id}': ['alpha', 'beta', 'gamma', 'delta'],
  '/v1/admin/models/{id}/verify': ['alpha', 'beta', 'gamma'],
  '/v1/admin/aliases/{name}': ['other'],
  '/v1/cache/blocks/{hash}': ['abcdef', '0123456789abcdef'],
};
const AGENTS = ['one', 'two', 'three'];

const ODD_IDS: readonly string[] = [
  '..',
  '../..',
  '..%2f..%2f..%2fetc%2fpasswd',
  '%2e%2e%2f%2e%2e',
  '%00',
  'one%00.json',
  '%',
  '%zz',
  '%c0%af',
  '%ff',
  '%ed%a0%80',
  '.',
  '-',
  ' ',
  '%20',
  '%0d%0ax-injected:%201',
  '__proto__',
  'constructor',
  '*',
  '//',
  'one/',
  'one;x=1',
  'one%3fx=1',
  '%F0%9F%A6%8A',
  '\u00e9',
  '<script>alert(1)</script>',
  '{id}',
  ':id',
  'CON',
  '~',
];

const QUERIES: readonly string[] = [
  '?',
  '?&&&&',
  '?=',
  '?a',
  '?a=1&a=2',
  '?__proto__=1',
  '?__proto__[x]=1',
  '?constructor.prototype=1',
  '?dry_run=maybe',
  '?dry_run=true&dry_run=false',
  '?purge=true',
  '?limit=-1&order=up',
  '?limit=1e9',
  '?after=..%2f..',
  '?stream=true&starting_after=0',
  '?%',
  '?%ff=%fe',
  '?a=%00',
  '#x',
  '?a#b?c',
  `?${'a=1&'.repeat(1_500)}`,
  `?x=${'y'.repeat(7_000)}`,
];

const UNKNOWN: readonly string[] = [
  '/v1',
  '/v1/',
  '//v1/models',
  '/v1//models',
  '/V1/MODELS',
  '/v1/models/',
  '/v1/./models',
  '/v1/../v1/models',
  '/v1/chat/completions/',
  '/v1/chat/completions.json',
  '/v1/messages/batches',
  '/v1/messages%00',
  '/v1/files',
  '/favicon.ico',
  '/.env',
  '/.git/config',
  '/..%2f..%2fetc/passwd',
  '/%2e%2e/%2e%2e/etc/passwd',
  '/__proto__',
  '/constructor',
  '/docs/../openapi.json',
  '*',
  'http://127.0.0.1/v1/models',
  'http://example.invalid/v1/models',
  '127.0.0.1:80',
  '/%',
  '/%c0%ae',
  '/;/',
  '/?',
];

export const METHODS: readonly string[] = [
  'GET',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'TRACE',
  'PROPFIND',
  'PURGE',
  'QUERY',
];

/** `id`: of what a request before has made. */
export function targetOf({ path, query }: Route, random: Seeded, id: string | null): string {
  const filled = path.replaceAll(/\{\w+\}/g, () => {
    if (random.below(5) === 0)
      return random.below(6) === 0 ? random.pick(['a', '%41', '.', '%2f']).repeat(random.pick([200, 4_000])) : random.pick(ODD_IDS);
    return id ?? random.pick(IDS[path] ?? AGENTS);
  });
  if (random.below(6) > 0) return filled;
  if (query.length > 0 && random.below(2) === 0) {
    return `${filled}?${random.pick(query)}=${random.pick(['true', 'false', '1', '', 'x', '%00', '20', 'asc'])}`;
  }
  return filled + random.pick(QUERIES);
}

export function unknownTarget(random: Seeded): string {
  return random.pick(UNKNOWN) + (random.below(4) === 0 ? random.pick(QUERIES) : '');
}

const VALUES: readonly string[] = [
  '',
  ' ',
  'x',
  '0',
  '-1',
  '1e9',
  '99999999999999999999',
  'NaN',
  'true',
  '*/*',
  '*',
  ',',
  ';;;;',
  '"',
  '\\',
  '{}',
  '[object Object]',
  '__proto__',
  '\u00e9\u00ff',
  '\t',
  '../../x',
  '${x}',
  '%00',
  'Bearer',
  'Bearer  ',
  'Bearer a b',
  'Basic eDp5',
  '00-00000000000000000000000000000000-0000000000000000-00',
  '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'text/html, application/openmetrics-text;version=99;q=nan',
  'bytes=0-0,-1',
  'x'.repeat(8_000),
  'a,'.repeat(3_000),
];

const NAMES: readonly string[] = [
  'authorization',
  'x-api-key',
  'accept',
  'accept-encoding',
  'accept-language',
  'anthropic-version',
  'anthropic-beta',
  'traceparent',
  'tracestate',
  'x-request-id',
  'x-semantic-priority',
  'x-semantic-timeout-ms',
  'x-semantic-tool-choice',
  'x-claude-code-session-id',
  'x-session-id',
  'session_id',
  'session-id',
  'conversation_id',
  'origin',
  'referer',
  'cookie',
  'range',
  'if-none-match',
  'if-modified-since',
  'forwarded',
  'x-forwarded-for',
  'x-forwarded-host',
  'x-http-method-override',
  'x-original-url',
  'access-control-request-method',
  'access-control-request-headers',
  'te',
  'trailer',
  'upgrade',
  'keep-alive',
  'max-forwards',
  'user-agent',
  'from',
  'via',
  '__proto__',
  'constructor',
];

const EXPECTS: readonly string[] = ['100-continue', '200-ok', ''];
const HOSTS: readonly string[] = [
  'localhost',
  '127.0.0.1',
  '[::1]',
  'example.invalid',
  '',
  'localhost:99999',
  '127.0.0.1.example.invalid',
  '..',
  'a@b',
];
export const CONTENT_TYPES: readonly string[] = [
  'application/json',
  'application/json; charset=utf-16',
  'text/plain',
  'text/html',
  'multipart/form-data; boundary=x',
  'application/x-www-form-urlencoded',
  'application/octet-stream',
  'application/json, text/plain',
  'json',
  '/',
  '',
  ';',
  'x'.repeat(3_000),
];

/** Lines as they go out. */
export function oddHeaders(random: Seeded): string[] {
  const lines = Array.from({ length: random.below(4) }, () => `${random.pick(NAMES)}: ${random.pick(VALUES)}`);
  if (random.below(12) === 0) lines.push(`expect: ${random.pick(EXPECTS)}`);
  if (random.below(12) === 0) lines.push('connection: upgrade', `upgrade: ${random.pick(['websocket', 'h2c', 'x'])}`);
  if (random.below(12) === 0) lines.push(`content-encoding: ${random.pick(['gzip', 'br', 'deflate', 'identity', 'x'])}`);
  if (random.below(12) === 0) lines.push('origin: https://example.invalid');
  if (random.below(25) === 0) lines.push(...Array.from({ length: 300 }, (_, i) => `x-h${i}: ${i}`));
  return lines;
}

export function hostLine(random: Seeded): string {
  return `host: ${random.below(25) === 0 ? random.pick(HOSTS) : 'localhost'}`;
}
