/** The daemon as a client over HTTP reaches it. */
import { SemanticError } from '../core/domain/errors.js';
import { AdminClient } from './admin-client.js';

export interface ReachableDaemon {
  /** `http://host:port` or `https://host:port`. */
  readonly address: string;
  readonly model: string;
  readonly contextLength: number;
}

/** Asks on the socket where it is, and over HTTP whether it lets `apiKey` in. Throws DaemonUnreachable, Unauthenticated, and ConfigInvalid where its certificate is not trusted here. */
export async function findDaemon(socket: string, connectTimeoutMs: number, apiKey: string): Promise<ReachableDaemon> {
  const admin = new AdminClient(socket, connectTimeoutMs);
  try {
    const { address, engine } = await admin.status();
    const daemon = { address: fromHere(address), model: engine.model, contextLength: engine.contextLength };
    await assertLetsIn(daemon.address, apiKey);
    return daemon;
  } finally {
    await admin.close();
  }
}

/** `0.0.0.0` is where it listens, not where it is. */
function fromHere(address: string): string {
  return address.replace('://0.0.0.0:', '://127.0.0.1:').replace('://[::]:', '://[::1]:');
}

async function assertLetsIn(address: string, apiKey: string): Promise<void> {
  const { status } = await fetch(`${address}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } }).catch((thrown: Error) => {
    throw unanswered(address, thrown);
  });
  if (status !== 401) return;
  throw new SemanticError('Unauthenticated', `[client] the daemon on ${address} wants an API key, and client.api_key is none it knows`, {
    hint: 'Make one with `semantic keys add`, and give it as SEMANTIC_CLIENT_API_KEY, or as api_key under [client] in your config.toml.',
  });
}

function unanswered(address: string, thrown: Error): SemanticError {
  const { code = '', message = thrown.message } = (thrown.cause ?? {}) as Partial<NodeJS.ErrnoException>;
  if (!address.startsWith('https:') || code === 'ECONNREFUSED')
    return new SemanticError('DaemonUnreachable', `[client] the daemon does not answer on ${address}`, { cause: thrown });
  return new SemanticError('ConfigInvalid', `[client] there is no way to the daemon on ${address} by TLS: ${message}`, {
    hint: hintFor(code),
    cause: thrown,
  });
}

function hintFor(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return 'Set server.host to a name that its certificate is for, or have it made for this one too.';
  if (/ALERT|ECONNRESET|UND_ERR_SOCKET/.test(code))
    return 'Where it wants certificates of clients (server.tls_client_ca_file), point the client at it by hand, with a certificate of its own.';
  return 'Have NODE_EXTRA_CA_CERTS name the file with the certificate of who signed its own; clients that are launched read it too.';
}
