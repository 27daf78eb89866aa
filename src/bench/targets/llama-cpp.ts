import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { SemanticError } from '../../core/domain/errors.js';
import { PeerProcess } from './peer-process.js';
import type { Needs, Target } from './target.js';

export interface LlamaCppOptions {
  readonly name: string;
  /** Path of llama-server. */
  readonly command: string;
  /** GGUF file of the same weights. */
  readonly gguf: string;
  readonly threads: number;
  /** Of the model, tokens. */
  readonly contextTokens: number;
}

/** `path`: llama-server, or the folder it is in. Throws PrerequisiteMissing. */
export function llamaServerOf(path: string): string {
  const found = [join(path, 'llama-server'), path]
    .map((candidate) => resolve(candidate))
    .find((file) => existsSync(file) && statSync(file).isFile());
  if (found !== undefined) return found;
  throw new SemanticError('PrerequisiteMissing', `[bench] there is no llama-server at ${resolve(path)}`, {
    hint: 'Name the program itself, or the folder of a build of llama.cpp that it is in.',
  });
}

/** llama.cpp's own server: continuous batching, flash attention, its default f16 KV and its own prompt cache. */
export class LlamaCpp implements Target {
  readonly kind = 'llama.cpp';
  readonly model = 'default';
  readonly own = null;
  #server: PeerProcess | null = null;
  #has: Needs = { slots: 0, contextTokens: 0 };

  private constructor(private readonly options: LlamaCppOptions) {}

  /** Started once to see that it can be; it is started again when a suite needs more slots or longer ones. */
  static async start(options: LlamaCppOptions, signal: AbortSignal): Promise<LlamaCpp> {
    const target = new LlamaCpp(options);
    await target.prepare({ slots: 1, contextTokens: 512 }, signal);
    return target;
  }

  get name(): string {
    return this.options.name;
  }

  get contextTokens(): number {
    return this.options.contextTokens;
  }

  get facts(): Readonly<Record<string, string>> {
    const { command, gguf, threads } = this.options;
    return { program: command, weights: gguf, threads: `${threads}` };
  }

  async prepare({ slots, contextTokens }: Needs, signal: AbortSignal): Promise<void> {
    if (this.#server !== null && slots === this.#has.slots && contextTokens === this.#has.contextTokens) return;
    await this.close();
    const { command, gguf, threads, name } = this.options;
    this.#server = await PeerProcess.start(
      {
        name,
        command,
        healthPath: '/health',
        args: (port) => [
          ...['-m', gguf, '-t', `${threads}`, '-fa', 'on', '--host', '127.0.0.1', '--port', `${port}`],
          ...['-np', `${slots}`, '-c', `${slots * contextTokens}`, '--no-webui'],
        ],
      },
      signal,
    );
    this.#has = { slots, contextTokens };
  }

  chat: Target['chat'] = ({ messages, maxTokens, cache = true }, options) =>
    this.#server!.http.chat(
      { model: this.model, messages, max_tokens: maxTokens, temperature: 0, ignore_eos: true, cache_prompt: cache },
      options,
    );

  async close(): Promise<void> {
    await this.#server?.close();
    this.#server = null;
  }
}
