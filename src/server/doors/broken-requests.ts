/** What a client is told whose request Node's parser gave up on: nothing of ours has seen it, so no dialect can answer. */
import { type IncomingMessage, type Server, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type ErrorCode, SemanticError } from '../../core/domain/errors.js';
import { bodyInEveryDialect } from './body-in-every-dialect.js';

export interface RequestLimits {
  readonly maxHeaderBytes: number;
  readonly headersTimeoutSeconds: number;
  readonly receiveTimeoutSeconds: number;
}

export interface BrokenRequestOptions extends RequestLimits {
  /** Told of every one, with what else is known of it. */
  readonly refused: (error: SemanticError, line: object) => void;
}

/** Until the answer is taken and the connection closed from the other side. */
const GRACE_MS = 1_000;

export function answerBrokenRequests(server: Server | TlsServer, { refused, ...limits }: BrokenRequestOptions): void {
  const latest = new WeakMap<Duplex, ServerResponse>();
  const given = new WeakSet<Duplex>();
  server.on('request', (request: IncomingMessage, response: ServerResponse) => latest.set(request.socket, response));
  server.on('clientError', (cause: NodeJS.ErrnoException, socket: Duplex) => {
    if (given.has(socket)) return; // it goes on sending
    if (cause.code === PLAIN_HTTP) return answerInPlain(socket);
    const response = latest.get(socket);
    const isAnswering = response !== undefined && !response.writableFinished;
    if (cause.code === 'ECONNRESET' || isOfTls(cause) || !socket.writable || (isAnswering && response.headersSent)) {
      socket.destroy();
      return;
    }
    given.add(socket);
    const error = errorOf(cause, isAnswering, limits);
    refused(error, { status: error.status });
    endWith(answerTo(error), socket);
  });
}

function endWith(answer: string, socket: Duplex): void {
  socket.end(answer);
  // Closing at once would take the answer away from a client that still sends.
  const timer = setTimeout(() => socket.destroy(), GRACE_MS);
  socket.once('close', () => clearTimeout(timer));
}

/** What OpenSSL says of a request that comes without TLS to where TLS is spoken. */
const PLAIN_HTTP = 'ERR_SSL_HTTP_REQUEST';

/** In the clear, or the client would hear nothing at all. Where Node does not say what the TLS socket was made of, it is closed. */
function answerInPlain(socket: Duplex): void {
  const { _parent: connection } = socket as Duplex & { readonly _parent?: Duplex };
  if (connection === undefined || !connection.writable) return void socket.destroy();
  connection.once('close', () => socket.destroy());
  endWith(
    answerTo(new SemanticError('InvalidRequest', 'this port speaks HTTPS (server.tls_cert_file): the address begins with https://')),
    connection,
  );
}

/** A handshake that failed, or records that are none: OpenSSL has told the other side what it can be told. */
function isOfTls({ code = '' }: NodeJS.ErrnoException): boolean {
  return code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_');
}

function errorOf(cause: NodeJS.ErrnoException, hasHeaders: boolean, limits: RequestLimits): SemanticError {
  const of = (code: ErrorCode, text: string): SemanticError => new SemanticError(code, text, { cause });
  if (cause.code === 'HPE_HEADER_OVERFLOW')
    return of('HeadersTooLarge', `request line and headers have more than ${limits.maxHeaderBytes} bytes (server.max_header_bytes)`);
  if (cause.code === 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return of('BodyTooLarge', 'the extensions of a chunk are too large');
  if (cause.code !== 'ERR_HTTP_REQUEST_TIMEOUT') return of('InvalidRequest', `this is not HTTP: ${cause.message}`);
  const [what, seconds, key] = hasHeaders
    ? ['request', limits.receiveTimeoutSeconds, 'receive_timeout_seconds']
    : ['headers', limits.headersTimeoutSeconds, 'headers_timeout_seconds'];
  return of('ReceiveTimeout', `the ${what} did not arrive within ${seconds} s (server.${key})`);
}

/** Types of the Messages API; those of OpenAI's are not looked at for these. */
const TYPES: Partial<Record<ErrorCode, string>> = { BodyTooLarge: 'request_too_large', ReceiveTimeout: 'timeout_error' };

/** A whole response. */
function answerTo(error: SemanticError): string {
  const { status } = error;
  const body = JSON.stringify(bodyInEveryDialect(error, TYPES[error.code] ?? 'invalid_request_error'));
  const head = ['content-type: application/json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`, 'connection: close'];
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head.join('\r\n')}\r\n\r\n${body}`;
}
