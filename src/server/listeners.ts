/** The daemon's two doors: TCP on one address, and the Unix socket. */
import { chmodSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerOptions, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, isIP, type ListenOptions } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { MIN_TLS_VERSION, type TlsMaterial } from '../adapters/tls/read-tls.js';
import { SemanticError } from '../core/domain/errors.js';
import { OwnSocketRequest } from './caller.js';
import { answerBrokenRequests, type BrokenRequestOptions, type RequestLimits } from './doors/broken-requests.js';
import type { ConnectionLimit } from './doors/connection-limit.js';
import { prepareSocket } from './unix-socket.js';

export interface ListenersOptions extends BrokenRequestOptions {
  readonly host: string;
  readonly port: number;
  readonly socket: string;
  readonly connections: ConnectionLimit;
  /** What TCP speaks HTTPS with; null = HTTP. */
  readonly tls: TlsMaterial | null;
}

export interface Listeners {
  /** `http://host:port` or `https://host:port`, with the port really taken. */
  readonly address: string;
  readonly socket: string;
  /** Who answers from now on. */
  handTo(listener: RequestListener): void;
  /** Those who connect from now on are shown this certificate. Only where there was one from the start. */
  renew(tls: TlsMaterial): void;
  /** Accepts nothing new and resolves when every connection is closed; idle ones are closed now. */
  close(): Promise<void>;
  /** Accepts nothing new, cuts what is still open, and removes the socket. */
  destroy(): void;
}

/** Opens both doors; `first` answers until they are handed to somebody else. */
export async function listen(first: RequestListener, options: ListenersOptions): Promise<Listeners> {
  const { host, port, socket } = options;
  await prepareSocket(socket);
  let listener = first;
  let isDestroyed = false;
  const handle = (request: IncomingMessage, response: ServerResponse): void => listener(request, response);
  // Peers that are gone without a word are found by the system's own probes, which go out once nothing was heard for a while.
  const probes = { keepAlive: true, keepAliveInitialDelay: PROBE_AFTER_MS };
  const maxHeaderSize = options.maxHeaderBytes;
  const requireHostHeader = false; // the doors want it, and say so; Node says nothing with its 400
  const tcpOptions = { maxHeaderSize, requireHostHeader, ...timeouts(options), ...probes };
  const secure = options.tls === null ? null : createTlsServer({ ...tcpOptions, ...handshake(options.tls, options) }, handle);
  const tcp = secure ?? createServer(tcpOptions, handle);
  options.connections.watch(tcp);
  // Who can open the socket is trusted to send at its own pace: an agent to be imported may be large.
  const unix = createServer({ maxHeaderSize, requireHostHeader, requestTimeout: 0, IncomingMessage: OwnSocketRequest }, handle);
  const servers: (Server | TlsServer)[] = [tcp, unix];
  for (const server of servers) {
    answerBrokenRequests(server, options);
    // Node would answer what is expected besides 100-continue with a bare 417; to pass it over is as right (RFC 9110, 10.1.1).
    server.on('checkExpectation', handle);
  }
  await bind(tcp, { host, port }, `${host}:${port}`, 'Choose another --port (0 = any free one), or stop the program that has it.');
  try {
    await bind(unix, { path: socket }, socket, 'Choose another --socket.');
  } catch (error) {
    tcp.close();
    throw error;
  }
  chmodSync(socket, 0o600); // where the folder is not ours, at least the socket is
  const bound = tcp.address() as AddressInfo;
  return {
    address: secure === null ? `http://${hostOf(bound)}:${bound.port}` : `https://${certifiedHost(host, bound)}:${bound.port}`,
    socket,
    handTo(next) {
      listener = next;
    },
    renew(tls) {
      secure?.setSecureContext(contextOf(tls));
    },
    async close() {
      await Promise.all(servers.map(close));
    },
    destroy() {
      if (isDestroyed) return; // by now the path may be another daemon's
      isDestroyed = true;
      for (const server of servers) {
        server.close();
        server.closeAllConnections();
      }
      rmSync(socket, { force: true });
    },
  };
}

const PROBE_AFTER_MS = 30_000;

/** Node looks for requests that take too long at intervals: four within the shorter time, and every 5 s at least. */
function timeouts({ headersTimeoutSeconds, receiveTimeoutSeconds }: RequestLimits): ServerOptions {
  const requestTimeout = receiveTimeoutSeconds * 1000;
  const headersTimeout = Math.min(headersTimeoutSeconds * 1000, requestTimeout); // Node wants it so
  return { requestTimeout, headersTimeout, connectionsCheckingInterval: Math.min(MAX_CHECKING_INTERVAL_MS, headersTimeout / 4) };
}

const MAX_CHECKING_INTERVAL_MS = 5_000;

/** A client that is silent from the start is waited for as long as one that sends no headers. */
function handshake(tls: TlsMaterial, { headersTimeoutSeconds }: RequestLimits): TlsOptions {
  const wantsClients = tls.clientCa !== null;
  return { ...contextOf(tls), handshakeTimeout: headersTimeoutSeconds * 1000, requestCert: wantsClients, rejectUnauthorized: wantsClients };
}

function contextOf({ cert, key, clientCa }: TlsMaterial): TlsOptions {
  return { cert, key, minVersion: MIN_TLS_VERSION, ...(clientCa === null ? {} : { ca: clientCa }) };
}

function hostOf({ address, family }: AddressInfo): string {
  return family === 'IPv6' ? `[${address}]` : address;
}

/** Certificates are for names more often than for addresses: one that was configured is kept. */
function certifiedHost(host: string, bound: AddressInfo): string {
  return isIP(host) === 0 ? host : hostOf(bound);
}

function bind(server: Server | TlsServer, where: ListenOptions, name: string, hint: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const message = taken ? `[server] ${name} is taken by another program` : `[server] cannot listen on ${name}: ${cause.message}`;
      reject(new SemanticError(taken ? 'AddressInUse' : 'ConfigInvalid', message, { hint, cause }));
    });
    server.listen(where, resolve);
  });
}

function close(server: Server | TlsServer): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
