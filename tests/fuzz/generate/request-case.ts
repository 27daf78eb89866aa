/** One request, made of the seed and its number alone. */
import { Seeded } from '../../faults/seeded.js';
import type { Dialect } from '../check/check-answer.js';
import type { Script } from '../wire/converse.js';
import { fromSchema } from './from-schema.js';
import { goldenBodies, recordedBodies } from './golden-bodies.js';
import { textOf, toTree } from './json-tree.js';
import { mutated } from './mutate.js';
import { CONTENT_TYPES, hostLine, METHODS, oddHeaders, targetOf, unknownTarget } from './odd-heads.js';
import { oddText, oddValue } from './odd-values.js';
import type { Route } from './routes.js';

export interface RequestCase {
  readonly number: number;
  /** Of a route of the document, or `unknown`. */
  readonly name: string;
  readonly method: string;
  readonly target: string;
  readonly script: Script;
  /** Whose errors are wanted; `any` where a header says one and the route is the other's. */
  readonly dialect: Dialect;
}

/** A seed for each case, so that one alone is the same as among all. */
export function seedOf(seed: number, kind: number, number: number): number {
  return Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b) ^ Math.imul(kind + 1, 0xc2b2ae35);
}

/** What all cases are made from. */
export interface Material {
  readonly routes: readonly Route[];
  /** An agent as export writes it. */
  readonly file: Buffer;
}

/** `id`: of a thing that was made for this case: a stored response, an exchange. */
export function requestCase(seed: number, number: number, { routes, file }: Material, id: string | null): RequestCase {
  const random = new Seeded(seedOf(seed, 0, number));
  const route = routes[number % routes.length]!;
  const isKnown = random.below(25) > 0;
  const method = random.below(20) > 0 ? route.method : random.pick(METHODS);
  const target = isKnown ? targetOf(route, random, id) : unknownTarget(random);
  const body = route.path === '/v1/agents/import' ? damaged(file, random) : bodyOf(route, random, id);
  const lines = [hostLine(random), ...oddHeaders(random)];
  const isChunked = body !== null && random.below(6) === 0;
  if (body !== null) {
    if (random.below(20) > 0) lines.push(`content-type: ${random.below(6) > 0 ? 'application/json' : random.pick(CONTENT_TYPES)}`);
    lines.push(isChunked ? 'transfer-encoding: chunked' : `content-length: ${body.length}`);
  }
  if (random.below(3) === 0) lines.push('connection: close');
  const head = Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`, 'latin1');
  const payload = body === null ? [] : isChunked ? chunks(body, random) : [body];
  const path = target.split(/[?#]/)[0]!;
  return {
    number,
    name: isKnown ? route.name : 'unknown',
    method,
    target,
    script: { door: random.below(4) === 0 ? 'unix' : 'tcp', ...delivery([head, ...payload], random) },
    dialect: /^\/v1\/messages(?:\/|$)/.test(path)
      ? 'messages'
      : lines.some((line) => line.startsWith('anthropic-version:'))
        ? 'any'
        : 'openai',
  };
}

function bodyOf(route: Route, random: Seeded, id: string | null): Buffer | null {
  if (route.method === 'GET' && random.below(12) > 0) return null;
  if (random.below(30) === 0) return Buffer.from(Array.from({ length: random.below(400) }, () => random.below(256)));
  if (random.below(40) === 0) return Buffer.from(textOf(oddValue(random)));
  if (random.below(60) === 0) return Buffer.from(oddText(random), 'utf16le');
  const golden = goldenBodies(route.name);
  const recorded = recordedBodies(route.name);
  const isMade = route.schema !== null && (golden.length === 0 || random.below(5) === 0);
  if (!isMade && golden.length === 0) return null;
  const valid = isMade ? fromSchema(route.schema, random) : random.pick(recorded.length > 0 && random.below(8) === 0 ? recorded : golden);
  const tree = mutated(toTree(cheap(valid)), random.pick([0, 0, 1, 1, 1, 2, 3, 6]), random);
  const text = textOf(tree).replaceAll('"ID"', JSON.stringify(id ?? 'resp_none'));
  const bytes = Buffer.from(text);
  switch (random.below(25)) {
    case 0:
      return bytes.subarray(0, random.below(bytes.length));
    case 1: {
      const copy = Buffer.from(bytes);
      if (copy.length > 0) copy[random.below(copy.length)] = random.below(256);
      return copy;
    }
    default:
      return bytes;
  }
}

/** A file as it is, cut, or with bytes that are others. */
function damaged(file: Buffer, random: Seeded): Buffer {
  const copy = Buffer.from(file);
  switch (random.below(4)) {
    case 0:
      return copy.subarray(0, random.below(copy.length));
    case 1:
      return Buffer.concat([copy, Buffer.from(oddText(random))]);
    case 2:
      for (let i = 0; i <= random.below(4); i++) copy[random.below(copy.length)] = random.below(256);
      return copy;
    default:
      return copy;
  }
}

/** Few tokens, so that thousands of requests take minutes. */
function cheap(body: unknown): unknown {
  if (typeof body !== 'object' || body === null) return body;
  const most = (name: string): object => (name in body ? { [name]: 3 } : {});
  return { ...body, ...most('max_tokens'), ...most('max_output_tokens'), ...most('max_completion_tokens') };
}

function chunks(body: Buffer, random: Seeded): Buffer[] {
  const size = Math.max(1, random.pick([1, 7, 100, 5_000, body.length]), Math.ceil(body.length / 50));
  const parts: Buffer[] = [];
  for (let at = 0; at < body.length; at += size) {
    const part = body.subarray(at, at + size);
    parts.push(Buffer.concat([Buffer.from(`${part.length.toString(16)}\r\n`), part, Buffer.from('\r\n')]));
  }
  parts.push(Buffer.from('0\r\n\r\n'));
  return parts;
}

function delivery(pieces: readonly Buffer[], random: Seeded): Omit<Script, 'door'> {
  const all = Buffer.concat(pieces);
  switch (random.below(14)) {
    case 0: // gone in the middle of it
      return { pieces: [all.subarray(0, random.below(all.length))], pauseMs: 0, ending: 'cut' };
    case 1: // gone before the answer
      return { pieces: [all], pauseMs: 0, ending: 'cut' };
    case 2:
      return { pieces: [all], pauseMs: 0, ending: 'cut-answer' };
    case 3:
      return { pieces, pauseMs: 2, ending: 'wait' };
    case 4:
      return { pieces: [all], pauseMs: 0, ending: random.below(3) === 0 ? 'stall' : 'wait' };
    default:
      return { pieces: [all], pauseMs: 0, ending: 'wait' };
  }
}
