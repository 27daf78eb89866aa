/** How many connections there may be. Those a little beyond are told so when they ask something; those far beyond are closed at once. */
import type { Server } from 'node:http';
import type { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { Server as AnyTlsServer } from 'node:tls';
import { SemanticError } from '../../core/domain/errors.js';

/** Connections beyond the limit that are still heard, to be told. */
const TOLD = 64;
const RETRY_AFTER_SECONDS = 2;

export class ConnectionLimit {
  readonly #most: number;
  readonly #beyond = new WeakSet<Socket>();
  #open = 0;

  constructor(most: number) {
    this.#most = most;
  }

  watch(server: Server | TlsServer): void {
    server.maxConnections = this.#most + TOLD;
    // Over TLS a request knows the socket that was made of its connection after the handshake.
    server.on(server instanceof AnyTlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
      this.#open += 1;
      if (this.#open > this.#most) this.#beyond.add(socket);
      socket.once('close', () => (this.#open -= 1));
    });
  }

  /** Throws TooManyConnections for a request on a connection that came beyond the limit. */
  assertAdmits(socket: Socket): void {
    if (!this.#beyond.has(socket)) return;
    throw new SemanticError('TooManyConnections', `${this.#most} connections are open, as many as there may be (server.max_connections)`, {
      retryAfterSeconds: RETRY_AFTER_SECONDS,
    });
  }
}
