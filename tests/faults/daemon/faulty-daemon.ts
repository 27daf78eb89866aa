/** A real daemon on a home that outlives it, with the shim before its libc. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { OverviewBody } from '../../../src/client/cache-bodies.js';
import type { DaemonStatus } from '../../../src/server/admin/status.js';
import type { DaemonSummary } from '../../../src/server/daemon.js';
import { assertBuilt, RUN } from '../../support/run-semantic.js';
import { starterModelsDirectory } from '../../support/starter-model.js';
import { NO_SHIM } from '../shim/build-shim.js';
import { FaultControl } from '../shim/fault-control.js';

/** What is waited for comes in seconds, on a busy machine too. */
const PATIENCE_MS = 90_000;

export interface Turn {
  /** Text of each token, in order. */
  readonly tokens: readonly string[];
  readonly cachedTokens: number;
  readonly promptTokens: number;
}

/** A home whose store lies under `kv`, and the shim's page beside it. */
export class Home {
  readonly #top = realpathSync(mkdtempSync(join(tmpdir(), 'semantic-faulty-')));
  readonly path = join(this.#top, 'home');
  readonly kv = join(this.path, 'kv');
  readonly control: FaultControl;

  /** `from`: a home at rest whose store and agents this one starts with. */
  constructor(from: Home | null = null) {
    mkdirSync(this.path);
    symlinkSync(starterModelsDirectory(), join(this.path, 'models'));
    if (from !== null)
      for (const name of ['kv', 'model-hashes.json']) cpSync(join(from.path, name), join(this.path, name), { recursive: true });
    this.control = new FaultControl(this.#top, this.kv);
  }

  /** `wrap`: a command that runs the daemon's. */
  async start(settings: Readonly<Record<string, string>> = {}, wrap: readonly string[] = []): Promise<FaultyDaemon> {
    return FaultyDaemon.start(this, settings, wrap);
  }

  remove(): void {
    this.control.close();
    rmSync(this.#top, { recursive: true, force: true });
  }
}

/** Always so many tokens, and each of them told. */
export const GREEDY = { temperature: 0, max_tokens: 8, ignore_eos: true, logprobs: true };

const SETTINGS = {
  SEMANTIC_MODEL_THREADS: '1', // two daemons share two cores
  SEMANTIC_STORE_RETRY_SECONDS: '0.2',
  SEMANTIC_STORE_MIN_FREE_MB: '0',
  SEMANTIC_STORE_EXTENT_MB: '4',
  SEMANTIC_AGENTS_SWEEP_SECONDS: '0.2',
  SEMANTIC_LOG_LEVEL: 'info',
};

export class FaultyDaemon {
  #out = '';
  #err = '';
  #address = '';
  readonly ended: Promise<[number | null, NodeJS.Signals | null]>;

  private constructor(private readonly child: ReturnType<typeof spawn>) {
    child.stdout!.setEncoding('utf8').on('data', (text: string) => (this.#out += text));
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (this.#err += text));
    this.ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  }

  static async start(home: Home, settings: Readonly<Record<string, string>>, wrap: readonly string[]): Promise<FaultyDaemon> {
    assertBuilt();
    const [program, ...args] = [...wrap, process.execPath, RUN, 'serve', '--port', '0', '--json'] as const;
    const shim = NO_SHIM === null ? home.control.env : {};
    const env = { ...process.env, SEMANTIC_HOME: home.path, ...SETTINGS, ...shim, ...settings };
    const daemon = new FaultyDaemon(spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], cwd: home.path }));
    await daemon.until('the daemon to be ready', () => {
      if (!daemon.#out.trimEnd().endsWith('}')) return false;
      daemon.#address = (JSON.parse(daemon.#out) as DaemonSummary).address;
      return true;
    });
    return daemon;
  }

  get log(): string {
    return this.#err;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Throws for a status other than 2xx, with the error's code. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const reply = await fetch(`${this.#address}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await reply.text();
    if (!reply.ok) throw new Error(`${method} ${path}: ${reply.status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** One greedy turn of an agent. */
  async turn(agent: string, input: string): Promise<Turn> {
    const body = await this.call<{
      readonly usage: { readonly prompt_tokens: number; readonly cached_tokens: number };
      readonly logprobs: readonly { readonly token: string }[];
    }>('POST', `/v1/agents/${agent}/generate`, { input, ...GREEDY });
    const { prompt_tokens: promptTokens, cached_tokens: cachedTokens } = body.usage;
    return { tokens: body.logprobs.map(({ token }) => token), cachedTokens, promptTokens };
  }

  status = (): Promise<DaemonStatus> => this.call('GET', '/v1/admin/status');
  disk = async (): Promise<OverviewBody['disk']> => (await this.call<OverviewBody>('GET', '/v1/cache')).disk;

  /** Until nothing waits to be written. */
  async settled(): Promise<void> {
    await this.until('all writes to be over', async () => (await this.status()).engine.parking.pending === 0);
  }

  async until(what: string, isSo: () => Promise<boolean> | boolean): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (!(await isSo())) {
      if (!this.isRunning) throw new Error(`waited for ${what}, but the daemon ended: ${this.#out}${this.#err.slice(-2000)}`);
      if (Date.now() > deadline) throw new Error(`waited ${PATIENCE_MS} ms for ${what}: ${this.#err.slice(-2000)}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** As Ctrl-C does; gives the exit code. */
  async stop(): Promise<number | null> {
    if (this.isRunning) this.child.kill('SIGTERM');
    return (await this.ended)[0];
  }
}
