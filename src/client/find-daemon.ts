/** The daemon as a client over HTTP reaches it. */
import { SemanticError } from '../core/domain/errors.js';
import { AdminClient } from './admin-client.js';

export interface ReachableDaemon {
  /** `http://host:port`. */
  readonly address: string;
  readonly model: string;
  readonly contextLength: number;
}

/** Asks on the socket where it is, and over HTTP whether it lets `apiKey` in. Throws DaemonUnreachable, Unauthenticated. */
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
  return address.replace(/^http:\/\/0\.0\.0\.0:/, 'http://127.0.0.1:').replace(/^http:\/\/\[::\]:/, 'http://[::1]:');
}

async function assertLetsIn(address: string, apiKey: string): Promise<void> {
  const { status } = await fetch(`${address}/v1/models`, { headers: { authorization: `Bearer ${apiKey}` } }).catch((cause: unknown) => {
    throw new SemanticError('DaemonUnreachable', `[client] the daemon does not answer on ${address}`, { cause });
  });
  if (status !== 401) return;
  throw new SemanticError('Unauthenticated', `[client] the daemon on ${address} wants an API key, and client.api_key is none it knows`, {
    hint: 'Make one with `semantic keys add`, and give it as SEMANTIC_CLIENT_API_KEY, or as api_key under [client] in your config.toml.',
  });
}
