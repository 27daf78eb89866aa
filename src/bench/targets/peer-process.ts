/** A peer's server in a process of its own: started on a free port, waited for, and ended with all it started. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { SemanticError } from '../../core/domain/errors.js';
import { HttpEndpoint } from './http-endpoint.js';

export interface PeerProcessOptions {
  /** Of the server, for errors. */
  readonly name: string;
  readonly command: string;
  readonly args: (port: number) => readonly string[];
  /** Path that is answered once the server can be asked. */
  readonly healthPath: string;
}

const POLL_MS = 50;
const SAID_CHARACTERS = 2_000;
const SHOWN_CHARACTERS = 500;
/** Between asking a server to end and ending it. */
const GRACE_MS = 5_000;

export class PeerProcess {
  private constructor(
    private readonly child: ChildProcess,
    readonly http: HttpEndpoint,
  ) {}

  /** Throws PeerFailed with the last it said when it ends before it is ready, PrerequisiteMissing when it cannot be run at all. */
  static async start({ name, command, args, healthPath }: PeerProcessOptions, signal: AbortSignal): Promise<PeerProcess> {
    const port = await freePort();
    const child = spawn(command, [...args(port)], { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let said = '';
    const listen = (text: string): void => {
      said = (said + text).slice(-SAID_CHARACTERS);
    };
    child.stdout.setEncoding('utf8').on('data', listen);
    child.stderr.setEncoding('utf8').on('data', listen);
    let failure: Error | null = null;
    child.once('error', (error) => (failure = error));
    const peer = new PeerProcess(child, new HttpEndpoint(`http://127.0.0.1:${port}`, name));
    try {
      for (;;) {
        if (signal.aborted) throw new SemanticError('Cancelled', 'nothing was measured');
        if (failure !== null) {
          throw new SemanticError('PrerequisiteMissing', `[bench] ${name} cannot be run: ${(failure as Error).message}`, {
            cause: failure,
          });
        }
        if (hasEnded(child)) throw ended(name, command, child, said);
        if (await peer.http.isListening(healthPath)) return peer;
        await sleep(POLL_MS);
      }
    } catch (error) {
      await peer.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.http.close();
    const { child } = this;
    if (child.pid === undefined || hasEnded(child)) return;
    const exited = once(child, 'exit');
    child.kill('SIGTERM');
    const killer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS);
    await exited;
    clearTimeout(killer);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function ended(name: string, command: string, { exitCode, signalCode }: ChildProcess, said: string): SemanticError {
  const last = said.trim().slice(-SHOWN_CHARACTERS);
  return new SemanticError('PeerFailed', `[bench] ${name} (${command}) ended with ${exitCode ?? signalCode} before it was ready`, {
    hint: last === '' ? 'It said nothing.' : `The last it said: ${last}`,
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return (address as { readonly port: number }).port;
}
