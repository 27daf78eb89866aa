import type { FastifyInstance } from 'fastify';
import { ConnectionLimit } from '../../src/server/doors/connection-limit.js';
import { type Listeners, type ListenersOptions, listen } from '../../src/server/listeners.js';

/** Both doors of an application, on any free port of loopback. */
export function listenHere(app: FastifyInstance, socket: string, options: Partial<ListenersOptions> = {}): Promise<Listeners> {
  return listen((request, response) => app.routing(request, response), {
    host: '127.0.0.1',
    port: 0,
    socket,
    connections: new ConnectionLimit(64),
    tls: null,
    maxHeaderBytes: 16_384,
    headersTimeoutSeconds: 5,
    receiveTimeoutSeconds: 5,
    refused: () => undefined,
    ...options,
  });
}

/** Cuts what is still open, so that nothing of the application is waited for. */
export async function closeHere(app: FastifyInstance, doors: Listeners): Promise<void> {
  const closed = doors.close();
  doors.destroy();
  await closed;
  await app.close();
}
