/** Bytes that are not quite HTTP, made of the seed and their number alone. */
import { Seeded } from '../../faults/seeded.js';
import type { Script } from '../wire/converse.js';
import { seedOf } from './request-case.js';

export interface StreamCase {
  readonly number: number;
  readonly name: string;
  /** Of the requests, as far as they are known. */
  readonly methods: readonly string[];
  readonly script: Script;
  /** So many answers, and never one more: what is hidden in a body is not answered. */
  readonly answers: { readonly least: number; readonly most: number };
  /** One of these and no other; null = any below 500. */
  readonly statuses: readonly number[] | null;
}

interface Sent {
  readonly pieces: readonly (string | Buffer)[];
  readonly least?: number;
  readonly most?: number;
  readonly statuses?: readonly number[];
  readonly methods?: readonly string[];
  readonly pauseMs?: number;
  /** What it is about is how long the server waits. */
  readonly isSlow?: boolean;
}

const HOST = 'host: localhost\r\n';
const GET = `GET /health/live HTTP/1.1\r\n${HOST}\r\n`;
/** Answered where it is taken for a request of its own. */
const HIDDEN = `GET /v1/models HTTP/1.1\r\n${HOST}\r\n`;
const BODY = '{"model":"alpha","input":"Hi"}';
const post = (headers: string, body: string): string => `POST /v1/responses/input_tokens HTTP/1.1\r\n${HOST}${headers}\r\n${body}`;
const bytes = (random: Seeded, most: number): Buffer =>
  Buffer.from(Array.from({ length: 1 + random.below(most) }, () => random.below(256)));

/** Where a proxy before us and we would not agree on where a request ends, it is none. */
const AMBIGUOUS: readonly string[] = [
  post(`content-length: 6\r\ntransfer-encoding: chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`transfer-encoding: chunked\r\ncontent-length: ${HIDDEN.length + 5}\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`content-length: ${BODY.length}\r\ncontent-length: ${BODY.length + HIDDEN.length}\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length: ${BODY.length}, ${BODY.length}\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length: +${BODY.length}\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length: 0x1e\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length: -1\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length: 18446744073709551617\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length : ${BODY.length}\r\n`, `${BODY}${HIDDEN}`),
  post(`content-length:\r\n`, `${BODY}${HIDDEN}`),
  post(`transfer-encoding: xchunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`transfer-encoding: chunked, identity\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`transfer-encoding: identity\r\ncontent-length: ${BODY.length}\r\n`, `${BODY}${HIDDEN}`),
  post(`transfer-encoding:\x0bchunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`transfer-encoding : chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(` transfer-encoding: chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`x: y\r\n transfer-encoding: chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`x: y\ntransfer-encoding: chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`x: y\rtransfer-encoding: chunked\r\n`, `0\r\n\r\n${HIDDEN}`),
  post(`x: y\0z\r\ncontent-length: ${BODY.length}\r\n`, `${BODY}${HIDDEN}`),
  `GET /health/live HTTP/1.1\n${HOST}\r\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\nhost: localhost\n\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\n${HOST}no colon\r\n\r\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\n${HOST}: no name\r\n\r\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\n${HOST}a b: c\r\n\r\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\n\r\n${HIDDEN}`,
  `GET /health/live HTTP/1.1\r\n${HOST}host: example.invalid\r\n\r\n${HIDDEN}`,
  `GET /health/live HTTP/9.9\r\n${HOST}\r\n${HIDDEN}`,
  `GET /health/live\0 HTTP/1.1\r\n${HOST}\r\n${HIDDEN}`,
  `GET /\x7f\x01 HTTP/1.1\r\n${HOST}\r\n${HIDDEN}`,
  `G\u00cbT /health/live HTTP/1.1\r\n${HOST}\r\n${HIDDEN}`,
];

const CHUNKS: readonly string[] = [
  'ffffffffffffffff\r\nx',
  'fffffffffffffffff\r\nx',
  '10000000000000000\r\nx',
  '-1\r\nx\r\n0\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n',
  ' 5\r\nhello\r\n0\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '5\nhello\n0\n\n',
  '5\r\nhello0\r\n\r\n',
  '5\r\nhello\r\n0\r\nx: y\r\n\r\n',
  '5\r\nhello\r\n0\r\ncontent-length: 5\r\n\r\n',
  '5;a="\r\n"\r\nhello\r\n0\r\n\r\n',
  `5;${'e'.repeat(20_000)}\r\nhello\r\n0\r\n\r\n`,
  `${'0'.repeat(5_000)}5\r\nhello\r\n0\r\n\r\n`,
  '\r\n',
  '5\r\n',
  ';\r\n',
  'g\r\n',
  '0\r\n',
  `0\r\n${'x: y\r\n'.repeat(5_000)}\r\n`,
];

const OTHER_PROTOCOLS: readonly Buffer[] = [
  // TLS 1.2 ClientHello, its first bytes and a random
  Buffer.from(`16030100c8010000c40303${'5a'.repeat(32)}20${'a5'.repeat(32)}0004130113020100007700000000`, 'hex'),
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0', 'latin1'),
  Buffer.from('SSH-2.0-OpenSSH_9.9\r\n'),
  Buffer.from('050100', 'hex'),
  Buffer.from('PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\n\r\n'),
  Buffer.from('*1\r\n$4\r\nPING\r\n'),
  Buffer.from('EHLO x\r\n'),
  Buffer.from('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'),
  Buffer.from('\r\n\r\n\r\n\r\n'),
  Buffer.from('{"model":"alpha"}\n'),
];

const KINDS: Readonly<Record<string, (random: Seeded) => Sent>> = {
  ambiguous: (random) => ({ pieces: [random.pick(AMBIGUOUS)], most: 1, statuses: [400, 403] }),
  'a broken chunk': (random) => ({ pieces: [post('transfer-encoding: chunked\r\n', random.pick(CHUNKS))], most: 1 }),
  'another protocol': (random) => ({ pieces: [random.pick(OTHER_PROTOCOLS)], most: 1, statuses: [400, 408] }),
  'random bytes': (random) => ({ pieces: [bytes(random, 3_000)], most: 1 }),
  'random bytes after a request': (random) => ({ pieces: [GET, bytes(random, 300)], least: 1, most: 2 }),
  'a changed request': (random) => {
    const all = Buffer.from(post(`content-length: ${BODY.length}\r\n`, BODY));
    for (let i = 0; i <= random.below(4); i++) all[random.below(all.length)] = random.below(256);
    return { pieces: [all], most: 3 };
  },
  'a cut request': (random) => {
    const all = post(`content-length: ${BODY.length}\r\n`, BODY);
    return { pieces: [all.slice(0, random.below(all.length))], most: 1, isSlow: true };
  },
  pipelined: (random) => {
    const count = 2 + random.below(20);
    return { pieces: [GET.repeat(count)], least: count, most: count, statuses: [200] };
  },
  'pipelined, one of them broken': (random) => {
    const before = random.below(5);
    // Who breaks off in the middle is not owed the answers that are not out yet.
    return { pieces: [GET.repeat(before), random.pick(AMBIGUOUS)], most: before + 1 };
  },
  'a flood of headers': (random) => {
    const line = random.pick([`x: ${'y'.repeat(1_000)}\r\n`, 'a: b\r\n', `${'n'.repeat(200)}: v\r\n`, 'x:\r\n']);
    const count = random.pick([50, 500, 5_000]);
    return { pieces: [`GET /health/live HTTP/1.1\r\n${HOST}`, line.repeat(count), '\r\n'], least: 0, most: 1, methods: ['GET'] };
  },
  'a long request line': (random) => ({
    pieces: [
      `GET /${random.pick(['x', '%41', '../', '/'])}`.repeat(1),
      'a'.repeat(random.pick([8_000, 20_000, 200_000])),
      ` HTTP/1.1\r\n${HOST}\r\n`,
    ],
    most: 1,
    statuses: [404, 400, 431],
  }),
  'more of a body than is taken': () => ({
    pieces: [post('content-length: 1500000\r\n', ''), Buffer.alloc(1_500_000, 0x20)],
    most: 1,
    statuses: [413],
  }),
  'less of a body than was said': (random) => ({
    pieces: [post(`content-length: ${BODY.length + 1 + random.below(1_000)}\r\n`, BODY)],
    most: 1,
    statuses: [408],
    isSlow: true,
  }),
  'a body nobody asked for': (random) => ({
    pieces: [`GET /health/live HTTP/1.1\r\n${HOST}content-length: ${random.pick([5, 50])}\r\n\r\n`, 'x'.repeat(5)],
    least: 0,
    most: 2,
    isSlow: true,
  }),
  silence: () => ({ pieces: [], most: 1, statuses: [408], isSlow: true }),
  'byte by byte': (random) => ({
    pieces: [...post(`content-length: ${BODY.length}\r\n`, BODY)].slice(0, 40 + random.below(60)),
    most: 1,
    statuses: [400, 408],
    pauseMs: random.pick([1, 40]),
    isSlow: true,
  }),
  'a slow body': () => ({
    pieces: [post('content-length: 500\r\n', ''), ...Array.from({ length: 60 }, () => ' ')],
    most: 1,
    statuses: [408],
    pauseMs: 100,
    isSlow: true,
  }),
  'an expectation': (random) => ({
    pieces: [post(`content-length: ${BODY.length}\r\nexpect: ${random.pick(['100-continue', 'x', '100-Continue, x'])}\r\n`, ''), BODY],
    least: 0,
    most: 2,
    pauseMs: 10,
  }),
  'another version': (random) => ({
    pieces: [`GET /health/live HTTP/${random.pick(['1.0', '0.9', '2.0', '1.2', '11', '1.'])}\r\n${HOST}\r\n`],
    most: 1,
  }),
  'a request without a version': () => ({ pieces: [`GET /health/live\r\n\r\n${HIDDEN}`], most: 2 }),
  'an odd method': (random) => ({
    pieces: [
      `${random.pick(['CONNECT', 'connect', 'TRACE', 'OPTIONS', 'SOURCE', 'M-SEARCH', 'X'.repeat(200)])} ${random.pick(['*', '/', 'localhost:1'])} HTTP/1.1\r\n${HOST}\r\n`,
    ],
    most: 1,
  }),
  'an upgrade': (random) => ({
    pieces: [
      `GET ${random.pick(['/v1/responses', '/', '/v1/models'])} HTTP/1.1\r\n${HOST}connection: upgrade, HTTP2-Settings\r\nupgrade: ${random.pick(['h2c', 'websocket', 'TLS/1.0'])}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n`,
      bytes(random, 60),
    ],
    most: 2,
  }),
};

/** Each kind as often as any other. */
export function streamCase(seed: number, number: number): StreamCase {
  const random = new Seeded(seedOf(seed, 1, number));
  const kinds = Object.entries(KINDS);
  const [name, make] = kinds[number % kinds.length]!;
  const sent = make(random);
  const { pieces, least = 0, most = 1, statuses = null, methods = [], pauseMs = 0, isSlow = false } = sent;
  const door = random.below(3) === 0 ? 'unix' : 'tcp';
  // Over the Unix socket nobody is hurried: who is slow there goes away by themselves.
  const ending =
    door === 'unix' ? (isSlow ? 'stall' : 'half') : isSlow || least > 0 ? 'wait' : random.pick(['wait', 'half', 'cut', 'stall'] as const);
  return {
    number,
    name,
    methods,
    script: { door, pieces: pieces.map((piece) => (typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece)), pauseMs, ending },
    answers: { least: ending === 'wait' ? least : 0, most },
    statuses,
  };
}
