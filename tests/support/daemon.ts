/** A real daemon in a process of its own: real engine, real model, real sockets. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import OpenAI from 'openai';
import type { DaemonStatus } from '../../src/server/admin/status.js';
import type { DaemonSummary } from '../../src/server/daemon.js';
import { assertBuilt, createHome, RUN } from './run-semantic.js';

export interface TestDaemon {
  readonly home: string;
  readonly summary: DaemonSummary;
  readonly openai: OpenAI;
  stderr(): string;
  status: () => Promise<DaemonStatus>;
  /** POST /v1/chat/completions with the model filled in. */
  chat(body: object, init?: RequestInit): Promise<Response>;
  signal(name: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): void;
  /** Exit code and signal, once it has ended. */
  ended(): Promise<readonly [number | null, string | null]>;
  /** SIGTERM, wait, remove its home. */
  stop(): Promise<void>;
}

export async function startDaemon(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}): Promise<TestDaemon> {
  assertBuilt();
  const home = createHome();
  const port = args.includes('--port') ? [] : ['--port', '0'];
  const child = spawn(process.execPath, [RUN, 'serve', ...port, '--json', ...args], {
    env: { ...process.env, SEMANTIC_HOME: home.path, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    cwd: home.path,
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  const exited = once(child, 'close') as Promise<[number | null, string | null]>;
  const summary = await readSummary(
    () => out,
    exited.then(() => {
      throw new Error(`the daemon ended before it was ready: ${out}${err}`);
    }),
  );
  const model = summary.model.id;
  return {
    home: home.path,
    summary,
    openai: new OpenAI({ baseURL: `${summary.address}/v1`, apiKey: 'none', maxRetries: 0 }),
    stderr: () => err,
    status: async () => (await (await fetch(`${summary.address}/v1/admin/status`)).json()) as DaemonStatus,
    chat: (body, init = {}) =>
      fetch(`${summary.address}/v1/chat/completions`, { method: 'POST', body: JSON.stringify({ model, ...body }), ...init }),
    signal: (name) => void child.kill(name),
    ended: () => exited,
    async stop() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
      await exited;
      home.remove();
    },
  };
}

async function readSummary(text: () => string, failed: Promise<never>): Promise<DaemonSummary> {
  failed.catch(() => undefined);
  for (;;) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 20)), failed]);
    if (!text().trimEnd().endsWith('}')) continue;
    const complete = parsed(text());
    if (complete === null) continue;
    if ('error' in complete) await failed; // it is ending
    return complete as DaemonSummary;
  }
}

function parsed(text: string): object | null {
  try {
    return JSON.parse(text) as object;
  } catch {
    return null; // not complete yet
  }
}

/** What `until` waits for comes in seconds; past this it never will. */
const PATIENCE_MS = 45_000;

/** Polls until `get` gives what `wanted` accepts. */
export async function until<T>(get: () => Promise<T> | T, wanted: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const value = await get();
    if (wanted(value)) return value;
    if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms in vain; the last value was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
