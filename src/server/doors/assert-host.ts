import type { IncomingMessage } from 'node:http';
import { SemanticError } from '../../core/domain/errors.js';
import { isLoopback } from './loopback.js';

/** HTTP/1.1 has it once: of two a proxy before us might go by the other one (RFC 9112, 3.2). Throws InvalidRequest. */
export function assertOneHost({ rawHeaders, httpVersion }: IncomingMessage): void {
  const count = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'host').length;
  if (count === 1 || (count === 0 && httpVersion === '1.0')) return;
  throw new SemanticError(
    'InvalidRequest',
    `the header host is wanted once, and is there ${count === 0 ? 'not at all' : `${count} times`}`,
  );
}

/**
 * A page of the web can have its own name point to 127.0.0.1 and is then, to the browser, of the same origin as this server
 * (DNS rebinding); but its requests still say that name. `known`: names in lower case.
 */
export function assertHost(header: string | undefined, known: ReadonlySet<string>): void {
  if (header === undefined) return; // HTTP/1.0; no browser leaves it out
  const name = hostName(header);
  if (isLoopback(name) || known.has(name)) return;
  throw new SemanticError('OriginRefused', `this server is not called ${JSON.stringify(name.slice(0, SHOWN_CHARACTERS))}`, {
    hint: 'Ask 127.0.0.1 or localhost, or list the name in server.allowed_hosts.',
  });
}

const SHOWN_CHARACTERS = 100;

/** `[::1]:80` -> `::1`, `Localhost:80` -> `localhost`. */
export function hostName(header: string): string {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d*)?$/.exec(header) ?? [];
  return (bracketed ?? plain ?? header).toLowerCase();
}
