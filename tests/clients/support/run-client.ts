import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ClientHome } from './client-home.js';
import { LOOPBACK_ONLY } from './client-home.js';

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

export interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** A client that takes longer hangs. */
const PATIENCE_MS = 240_000;

export function startClient(
  { program, args, env }: Command,
  home: ClientHome,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(program, args, {
    cwd: home.work,
    env: { PATH: process.env['PATH'] ?? '', HOME: home.path, TERM: 'dumb', ...LOOPBACK_ONLY, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  });
  let [out, err] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, out, err }));
  return { child, ended };
}

export function runClient(command: Command, home: ClientHome): Promise<Ended> {
  return startClient(command, home).ended;
}
