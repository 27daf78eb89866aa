import type { FastifyInstance } from 'fastify';
import { SemanticError } from '../core/domain/errors.js';

/** Bodies are JSON in strict UTF-8, whatever content type the client claims: a replaced character would be a wrong prompt. */
export function parseJsonBodies(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    try {
      done(null, parseJson(body as Buffer));
    } catch (error) {
      done(error as Error);
    }
  });
}

function parseJson(body: Buffer): unknown {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new SemanticError('InvalidRequest', 'the request body is not valid UTF-8', { cause });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new SemanticError('InvalidRequest', `the request body is not valid JSON: ${(cause as Error).message}`, { cause });
  }
}
