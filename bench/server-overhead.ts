/** What HTTP, JSON, JavaScript and the detokenizer cost beside the native engine, and how long the daemon's event loop stands still. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BenchDaemon } from './bench-daemon.js';
import type { LoopDelay } from '#src/bench/probe/loop-delay.js';
import { streamChat } from './stream-chat.js';

export interface OneSequence {
  /** From the request to the last piece of text, and what steps took of it inside the native engine; milliseconds per token. */
  readonly wall: number;
  readonly native: number;
}

const PROBE = import.meta.resolve('#src/bench/probe/loop-probe.js');
const WARM_UP_TOKENS = 32;

/** A daemon whose event loop can be asked. */
export class ProbedDaemon {
  private constructor(
    private readonly daemon: BenchDaemon,
    private readonly folder: string,
  ) {}

  static async start(binary: string, model: string, flags: readonly string[], sequences: number): Promise<ProbedDaemon> {
    const folder = mkdtempSync(join(tmpdir(), 'semantic-bench-'));
    const daemon = await BenchDaemon.start(binary, model, flags, {
      NODE_OPTIONS: `--import=${PROBE}`,
      BENCH_LOOP_FILE: join(folder, 'loop.json'),
      SEMANTIC_STORE_ENABLED: 'false',
      SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: `${sequences}`,
    });
    return new ProbedDaemon(daemon, folder);
  }

  /** One answer of `tokens` tokens. */
  async oneSequence(tokens: number): Promise<OneSequence> {
    await this.#write(0, WARM_UP_TOKENS);
    const before = (await this.daemon.scheduler()).totals.step_ms;
    const { sentAt, times, completionTokens } = await this.#write(1, tokens);
    const after = (await this.daemon.scheduler()).totals.step_ms;
    return { wall: (times.at(-1)! - sentAt) / completionTokens, native: (after - before) / completionTokens };
  }

  /** While `sequences` answers are written, for `millis`. */
  async loopDelay(sequences: number, millis: number): Promise<LoopDelay> {
    const stop = new AbortController();
    const answers = Array.from({ length: sequences }, (_, i) => this.#write(2 + i, MANY_TOKENS, stop.signal).catch(() => undefined));
    while ((await this.daemon.scheduler()).sequences.filter(({ output_tokens: tokens }) => tokens > 0).length < sequences) await sleep(20);
    await this.#ask(); // what was before does not count
    await sleep(millis);
    const delay = await this.#ask();
    stop.abort();
    await Promise.all(answers);
    return delay;
  }

  /** While `work` asks something of the daemon at `base`. */
  async delayWhile(work: (base: string) => Promise<void>): Promise<LoopDelay> {
    await this.#ask(); // what was before does not count
    await work(this.daemon.base);
    return this.#ask();
  }

  async stop(): Promise<void> {
    await this.daemon.stop();
    rmSync(this.folder, { recursive: true });
  }

  #write(number: number, tokens: number, signal?: AbortSignal): ReturnType<typeof streamChat> {
    const { base, model } = this.daemon;
    const messages = [{ role: 'user', content: `Write a long story about the number ${number}.` }];
    const body = { model, messages, max_tokens: tokens, temperature: 0, ignore_eos: true, cache_prompt: false };
    return streamChat(base, body, signal === undefined ? {} : { signal });
  }

  async #ask(): Promise<LoopDelay> {
    const file = join(this.folder, 'loop.json');
    rmSync(file, { force: true });
    process.kill(this.daemon.pid, 'SIGUSR2');
    while (!existsSync(file)) await sleep(5);
    return JSON.parse(readFileSync(file, 'utf8')) as LoopDelay;
  }
}

const MANY_TOKENS = 7_900; // of the 8,192 there are
