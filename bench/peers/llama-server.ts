import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

import { type ChatServer, untilReady } from '../chat-server.js';

export interface LlamaServerOptions {
  readonly binFolder: string;
  readonly modelFile: string;
  readonly threads: number;
  /** Answers at once, and tokens each may take. */
  readonly slots: number;
  readonly contextTokens: number;
}

/** llama.cpp's own server: continuous batching, flash attention on, its default f16 KV, nothing kept of a prompt. */
export async function startLlamaServer(options: LlamaServerOptions): Promise<ChatServer> {
  const { binFolder, modelFile, threads, slots, contextTokens } = options;
  const port = 18_000 + Math.floor(Math.random() * 10_000);
  const child = spawn(
    join(binFolder, 'llama-server'),
    [
      ...['-m', modelFile, '-t', `${threads}`, '-fa', 'on', '--host', '127.0.0.1', '--port', `${port}`],
      ...['-np', `${slots}`, '-c', `${slots * contextTokens}`, '--no-kv-unified', '--cache-ram', '0', '--no-cache-prompt', '--no-webui'],
    ],
    { stdio: 'ignore' },
  );
  const base = `http://127.0.0.1:${port}`;
  await untilReady(`${base}/health`, () => (child.exitCode === null ? null : `${child.exitCode}`));
  return {
    name: 'llama-server',
    base,
    model: 'any',
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}
