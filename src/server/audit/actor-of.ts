/** Who asks, as the audit log names them: never by a secret. */
import type { FastifyRequest } from 'fastify';
import { OwnSocketRequest } from '../caller.js';
import { isLoopback } from '../doors/loopback.js';

export function actorOf(request: FastifyRequest): string {
  // Only this user can open the socket, and the administrator of the machine.
  if (request.raw instanceof OwnSocketRequest) return `socket:${process.getuid?.() ?? 'unknown'}`;
  if (request.keyName !== undefined) return `key:${request.keyName}`;
  return addressOf(request);
}

/** Where it comes from, whatever key it has. */
export function addressOf({ raw }: FastifyRequest): string {
  const address = (raw.socket.remoteAddress ?? 'gone').replace(/^::ffff:(?=\d+\.)/, '');
  return isLoopback(address) ? 'loopback' : `remote:${address}`;
}
