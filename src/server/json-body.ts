import type { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { SemanticError } from '../core/domain/errors.js';
import { nextTurn } from '../core/domain/in-slices.js';
import { isDeeperThan } from './json-depth.js';

/** Levels of arrays and objects. What goes through a body level by level, a chat template say, has a stack that ends. */
const MOST_LEVELS = 256;

/** Bodies are JSON in strict UTF-8, whatever content type the client claims: a replaced character would be a wrong prompt. */
export function parseJsonBodies(app: FastifyInstance, maxBytes: number): void {
  app.removeAllContentTypeParsers();
  // A large one takes its time: whatever else is due comes between the parts of the work.
  app.addContentTypeParser('*', async (_request: unknown, payload: Readable) => {
    const body = await readBody(payload, maxBytes);
    const text = decoded(body);
    await nextTurn();
    assertDepth(body);
    const json = parseJson(text);
    await nextTurn();
    return json;
  });
}

/**
 * A body that is too large is read to its end and thrown away: closing the connection on a client that still sends
 * would lose it the answer that says why. The receive timeout bounds how long that may take.
 */
export async function readBody(payload: Readable, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of payload as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes <= maxBytes) chunks.push(chunk);
      else chunks.length = 0;
    }
  } catch (cause) {
    throw new SemanticError('Cancelled', `the client broke off its request after ${bytes} bytes of the body`, { cause });
  }
  if (bytes <= maxBytes) return Buffer.concat(chunks, bytes);
  throw new SemanticError('BodyTooLarge', `the request body has ${bytes} bytes, at most ${maxBytes} are taken (server.max_body_bytes)`);
}

function assertDepth(body: Buffer): void {
  if (isDeeperThan(body, MOST_LEVELS))
    throw new SemanticError(
      'InvalidRequest',
      `the request body has arrays and objects in each other, more than ${MOST_LEVELS} levels deep`,
    );
}

function decoded(body: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new SemanticError('InvalidRequest', 'the request body is not valid UTF-8', { cause });
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `the request body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
