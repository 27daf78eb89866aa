/** The real daemon in a process of its own, and what it answers over HTTP. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { DaemonStatus } from '#src/server/admin/status.js';

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

export interface Message {
  readonly role: string;
  readonly content: string;
}

interface Chunk {
  readonly choices: readonly { readonly delta: { readonly content?: string } }[];
  readonly usage?: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly prompt_tokens_details: { readonly cached_tokens: number };
  } | null;
}

export class BenchDaemon {
  private constructor(
    readonly pid: number,
    readonly readyMillis: number,
    private readonly base: string,
    private readonly model: string,
    private readonly kill: (signal: 'SIGTERM' | 'SIGKILL') => Promise<void>,
  ) {}

  static async start(
    binary: string,
    model: string,
    flags: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<BenchDaemon> {
    const port = 18_000 + Math.floor(Math.random() * 10_000);
    const start = Date.now();
    const child = spawn(process.execPath, [binary, 'serve', '--port', `${port}`, '--model', model, ...flags], {
      stdio: 'ignore',
      env: { ...process.env, ...environment },
    });
    const kill = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<void> => {
      child.kill(signal);
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    };
    const base = `http://127.0.0.1:${port}`;
    while (!(await isReady(base))) {
      if (child.exitCode !== null) throw new Error(`the daemon ended with ${child.exitCode} before it was ready`);
      await sleep(10);
    }
    return new BenchDaemon(child.pid!, Date.now() - start, base, model, kill);
  }

  /** One streamed answer of the Chat API, greedy. */
  async chat(messages: readonly Message[], maxTokens: number, sessionId: string | null = null): Promise<Turn> {
    const start = performance.now();
    const body = {
      model: this.model,
      messages,
      max_tokens: maxTokens,
      temperature: 0,
      ignore_eos: true,
      stream: true,
      stream_options: { include_usage: true },
      ...(sessionId === null ? {} : { session_id: sessionId }),
    };
    const reply = await fetch(`${this.base}/v1/chat/completions`, { method: 'POST', body: JSON.stringify(body) });
    if (!reply.ok || reply.body === null) throw new Error(`the daemon answered ${reply.status}: ${await reply.text()}`);
    let [text, buffered] = ['', ''];
    let [first, last] = [Number.NaN, Number.NaN];
    let usage: Chunk['usage'] = null;
    for await (const bytes of reply.body.pipeThrough(new TextDecoderStream())) {
      const events = (buffered + bytes).split('\n\n');
      buffered = events.pop()!;
      for (const event of events) {
        if (!event.startsWith('data: {')) continue;
        const chunk = JSON.parse(event.slice(6)) as Chunk;
        const content = chunk.choices[0]?.delta.content ?? '';
        usage = chunk.usage ?? usage;
        if (content === '') continue;
        text += content;
        last = performance.now();
        if (Number.isNaN(first)) first = last;
      }
    }
    return {
      ttft: first - start,
      decodeMillis: last - first,
      text,
      promptTokens: usage?.prompt_tokens ?? 0,
      cachedTokens: usage?.prompt_tokens_details.cached_tokens ?? 0,
      completionTokens: usage?.completion_tokens ?? 0,
    };
  }

  async status(): Promise<DaemonStatus> {
    return (await (await fetch(`${this.base}/v1/admin/status`)).json()) as DaemonStatus;
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

async function isReady(base: string): Promise<boolean> {
  try {
    return (await fetch(`${base}/health/ready`)).ok;
  } catch {
    return false;
  }
}
