/** A daemon in a process of its own, that outlives this one unless it is stopped. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageDirectory } from '../adapters/paths/paths.js';
import { ERROR_TABLE, type ErrorCode, SemanticError } from '../core/domain/errors.js';

export interface SpawnOptions {
  /** File that what it says goes to. */
  readonly log: string;
  /** Whether what the file has is kept. */
  readonly keepsLog: boolean;
  readonly cwd?: string;
  /** Besides the variables of this process; undefined takes one away. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** bin/run.js of another build; this one's without it. */
  readonly binary?: string;
}

/** What a daemon says of itself when it is ready, as far as clients read it. */
export interface SpawnedSummary {
  readonly model: { readonly id: string; readonly contextLength: number; readonly weightBytes: number };
  readonly address: string;
  readonly socket: string;
  readonly pid: number;
}

export interface SpawnedDaemon {
  readonly summary: SpawnedSummary;
  /** Lets it end in order. */
  stop(): Promise<void>;
  /** This process no longer waits for it. */
  leave(): void;
}

/** Resolves when it serves. Throws Cancelled when `signal` aborts before that, and has it ended then. */
export async function spawnDaemon(args: readonly string[], options: SpawnOptions, signal: AbortSignal): Promise<SpawnedDaemon> {
  const { log, keepsLog, cwd, environment, binary = join(packageDirectory(), 'bin/run.js') } = options;
  mkdirSync(dirname(log), { recursive: true, mode: 0o700 });
  const fd = openSync(log, keepsLog ? 'a' : 'w', 0o600);
  // A process group of its own: Ctrl-C is for whoever started it.
  const child = spawn(process.execPath, [binary, 'serve', '--json', ...args], {
    stdio: ['ignore', 'pipe', fd],
    detached: true,
    cwd,
    env: { ...process.env, ...environment },
  });
  closeSync(fd);
  const exited = once(child, 'exit');
  const end = (): boolean => child.kill('SIGTERM');
  signal.addEventListener('abort', end);
  let said = '';
  for await (const part of child.stdout!.setEncoding('utf8') as AsyncIterable<string>) {
    said += part;
    if (isReady(said)) break;
  }
  signal.removeEventListener('abort', end);
  const stop = async (): Promise<void> => {
    end();
    await exited;
  };
  if (signal.aborted) {
    await stop();
    throw new SemanticError('Cancelled', 'nothing was started');
  }
  if (!isReady(said)) throw failure(said, log);
  const leave = (): void => {
    child.stdout!.destroy();
    child.unref();
  };
  return { summary: parsed(said) as SpawnedSummary, stop, leave };
}

function isReady(said: string): boolean {
  return 'address' in (parsed(said) ?? {});
}

function failure(said: string, log: string): SemanticError {
  const { error } = (parsed(said) ?? {}) as {
    readonly error?: { readonly code: string; readonly message: string; readonly hint: string | null };
  };
  if (error === undefined || !(error.code in ERROR_TABLE)) {
    return new SemanticError('Internal', '[serve] the daemon ended before it was ready', { hint: `What it said is in ${log}.` });
  }
  return new SemanticError(error.code as ErrorCode, error.message, error.hint === null ? {} : { hint: error.hint });
}

function parsed(text: string): object | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null; // not complete yet
  }
}
