/** The real daemon in a process of its own, and what it answers over HTTP. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SchedulerBody } from '#src/client/scheduler-bodies.js';
import type { DaemonStatus } from '#src/server/admin/status.js';
import { type ChatServer, untilReady } from './chat-server.js';
import { type Message, streamChat } from './stream-chat.js';

/** Of the machines this runs on. */
const PAGE_BYTES = 4096;

export interface Turn {
  /** From the request to the first piece of text, milliseconds. */
  readonly ttft: number;
  /** From the first piece of text to the last, milliseconds. */
  readonly decodeMillis: number;
  readonly text: string;
  readonly promptTokens: number;
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export class BenchDaemon implements ChatServer {
  readonly name = 'semantic';

  private constructor(
    readonly pid: number,
    readonly readyMillis: number,
    readonly base: string,
    readonly model: string,
    private readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>,
  ) {}

  static async start(
    binary: string,
    model: string,
    flags: readonly string[],
    environment: Readonly<Record<string, string>> = {},
    port = 18_000 + Math.floor(Math.random() * 10_000),
    socket: string | null = null,
  ): Promise<BenchDaemon> {
    const sockets = mkdtempSync(join(tmpdir(), 'semantic-bench-')); // a daemon of the user's may have the usual one
    const start = Date.now();
    const child = spawn(
      process.execPath,
      [binary, 'serve', '--port', `${port}`, '--socket', socket ?? join(sockets, 'daemon.sock'), '--model', model, ...flags],
      {
        stdio: 'ignore',
        env: { ...process.env, ...environment },
      },
    );
    const kill = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      rmSync(sockets, { recursive: true, force: true });
    };
    const base = `http://127.0.0.1:${port}`;
    await untilReady(`${base}/health/ready`, () => (child.exitCode === null ? null : `${child.exitCode}`));
    return new BenchDaemon(child.pid!, Date.now() - start, base, model, kill);
  }

  /** One streamed answer of the Chat API, greedy. */
  async chat(messages: readonly Message[], maxTokens: number, sessionId: string | null = null): Promise<Turn> {
    const { sentAt, times, ...turn } = await streamChat(this.base, {
      model: this.model,
      messages,
      max_tokens: maxTokens,
      temperature: 0,
      ignore_eos: true,
      ...(sessionId === null ? {} : { session_id: sessionId }),
    });
    const first = times[0] ?? Number.NaN;
    return { ...turn, ttft: first - sentAt, decodeMillis: (times.at(-1) ?? Number.NaN) - first };
  }

  async status(): Promise<DaemonStatus> {
    return (await (await fetch(`${this.base}/v1/admin/status`)).json()) as DaemonStatus;
  }

  /** As the kernel counts it, whether or not a model is in memory. */
  residentBytes(): number {
    const pages = Number(readFileSync(`/proc/${this.pid}/statm`, 'utf8').split(' ')[1]);
    return pages * PAGE_BYTES;
  }

  /** Open files and connections. */
  descriptors(): number {
    return readdirSync(`/proc/${this.pid}/fd`).length;
  }

  async scheduler(): Promise<SchedulerBody> {
    return (await (await fetch(`${this.base}/v1/admin/scheduler`)).json()) as SchedulerBody;
  }

  /** Until all KV that was left to be stored is. */
  async stored(): Promise<void> {
    for (;;) {
      const { parking } = (await this.status()).engine;
      if (parking.lastFailure !== null) throw new Error(`KV could not be stored: ${parking.lastFailure}`);
      if (parking.pending === 0) return;
      await sleep(20);
    }
  }

  stop(): Promise<void> {
    return this.kill('SIGTERM');
  }

  crash(): Promise<void> {
    return this.kill('SIGKILL');
  }
}
