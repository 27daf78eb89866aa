import { readFileSync } from 'node:fs';
import { BenchDaemon } from './bench-daemon.js';

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
  const daemon = await BenchDaemon.start(binary, model, flags, { SEMANTIC_STORE_ENABLED: 'false' });
  try {
    const content = Array.from({ length: promptWords }, (_, i) => `word${i % 97}`).join(' ');
    const { promptTokens } = await daemon.chat([{ role: 'user', content }], 64);
    const { native } = await daemon.status();
    const peakMB = (Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))![1]) * 1024) / MB;
    const [weightMB, kvMB] = [native.weightBytes / MB, native.kvBytes / MB];
    return { readyMillis: daemon.readyMillis, promptTokens, peakMB, weightMB, kvMB, overheadMB: peakMB - weightMB - kvMB };
  } finally {
    await daemon.stop();
  }
}
