import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const MB = 1e6;

export interface DaemonMemory {
  /** Wall time from the start of the process to a ready daemon, milliseconds. */
  readonly readyMillis: number;
  readonly promptTokens: number;
  readonly peakMB: number;
  readonly weightMB: number;
  readonly kvMB: number;
  /** peak - weights - KV. */
  readonly overheadMB: number;
}

/** Starts the real daemon, has it answer a prompt of `promptWords` words, about 4 tokens each, and reads its peak resident set (Linux: VmHWM). */
export async function daemonMemory(binary: string, model: string, flags: readonly string[], promptWords: number): Promise<DaemonMemory> {
  const port = 18_000 + Math.floor(Math.random() * 10_000);
  const start = Date.now();
  const daemon = spawn(process.execPath, [binary, 'serve', '--port', `${port}`, '--model', model, ...flags], { stdio: 'ignore' });
  const base = `http://127.0.0.1:${port}`;
  try {
    while (!(await isReady(base))) {
      if (daemon.exitCode !== null) throw new Error(`the daemon ended with ${daemon.exitCode} before it was ready`);
      await sleep(10);
    }
    const readyMillis = Date.now() - start;
    const content = Array.from({ length: promptWords }, (_, i) => `word${i % 97}`).join(' ');
    const reply = await fetch(`${base}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model, messages: [{ role: 'user', content }], max_tokens: 64, temperature: 0, ignore_eos: true }),
    });
    if (!reply.ok) throw new Error(`the daemon answered ${reply.status}: ${await reply.text()}`);
    const { usage } = (await reply.json()) as { usage: { prompt_tokens: number } };
    const { native } = (await (await fetch(`${base}/v1/admin/status`)).json()) as { native: { weightBytes: number; kvBytes: number } };
    const peakMB = (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))![1]) * 1024) / MB;
    const [weightMB, kvMB] = [native.weightBytes / MB, native.kvBytes / MB];
    return { readyMillis, promptTokens: usage.prompt_tokens, peakMB, weightMB, kvMB, overheadMB: peakMB - weightMB - kvMB };
  } finally {
    daemon.kill('SIGTERM');
    if (daemon.exitCode === null) await once(daemon, 'exit');
  }
}

async function isReady(base: string): Promise<boolean> {
  try {
    return (await fetch(`${base}/health/ready`)).ok;
  } catch {
    return false;
  }
}
