/** A private daemon of a build: a home of its own that shares only the installed models, any free port, gone when it is closed. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { modelsDirectory } from '../../adapters/paths/paths.js';
import { AdminClient } from '../../client/admin-client.js';
import { ResidencyClient } from '../../client/residency-client.js';
import { spawnDaemon, type SpawnedDaemon } from '../../client/spawn-daemon.js';
import { SemanticError } from '../../core/domain/errors.js';
import { HttpEndpoint } from './http-endpoint.js';
import type { ChatBody, Streamed, StreamOptions } from './stream-chat.js';
import type { DaemonOptions, LaunchedDaemon, OwnDaemon, OwnStatus } from './target.js';

export interface OwnDaemonOptions extends DaemonOptions {
  /** Path of bin/run.js. */
  readonly binary: string;
  /** Name or path. */
  readonly model: string;
  /** Of `semantic serve`, besides model, port and socket. */
  readonly flags: readonly string[];
  readonly name: string;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A benchmark fills no disk that has room, and is not refused one that has little. */
const ENVIRONMENT = { SEMANTIC_STORE_MIN_FREE_MB: '0' };

export class PrivateDaemon implements LaunchedDaemon {
  readonly home: string;
  readyMillis = 0;
  #spawned: SpawnedDaemon | null = null;
  #http: HttpEndpoint | null = null;
  #connection: OwnConnection | null = null;

  private constructor(private readonly options: OwnDaemonOptions) {
    this.home = mkdtempSync(join(tmpdir(), 'semantic-bench-'));
    mkdirSync(modelsDirectory(), { recursive: true, mode: 0o700 });
    symlinkSync(modelsDirectory(), join(this.home, 'models'));
  }

  /** Throws what kept it from starting; nothing is left then. */
  static async start(options: OwnDaemonOptions, signal: AbortSignal): Promise<PrivateDaemon> {
    const daemon = new PrivateDaemon(options);
    try {
      await daemon.#start(signal);
      return daemon;
    } catch (error) {
      const log = readLog(join(daemon.home, 'serve.log'));
      await daemon.close();
      if (error instanceof SemanticError && error.code === 'Internal') throw notStarted(options, log, error);
      throw error;
    }
  }

  get daemon(): OwnConnection {
    return this.#connection!;
  }

  get summary(): SpawnedDaemon['summary'] {
    return this.#spawned!.summary;
  }

  chat(body: ChatBody, options?: StreamOptions): Promise<Streamed> {
    return this.#http!.chat(ownBody(this.summary.model.id, body), options);
  }

  async restart(signal: AbortSignal): Promise<void> {
    await this.#stop();
    await this.#start(signal);
  }

  async close(): Promise<void> {
    await this.#stop();
    rmSync(this.home, { recursive: true, force: true });
  }

  async #start(signal: AbortSignal): Promise<void> {
    const { binary, model, flags, environment } = this.options;
    const started = performance.now();
    const args = ['--port', '0', '--host', '127.0.0.1', '--socket', join(this.home, 'bench.sock'), '--model', model, ...flags];
    const spawned = await spawnDaemon(
      args,
      {
        log: join(this.home, 'serve.log'),
        keepsLog: false,
        cwd: this.home, // a .env where the command was called is for other daemons
        binary,
        environment: { ...notForThis(process.env), ...ENVIRONMENT, ...environment, SEMANTIC_HOME: this.home },
      },
      signal,
    );
    this.readyMillis = performance.now() - started;
    this.#spawned = spawned;
    this.#http = new HttpEndpoint(spawned.summary.address, this.options.name);
    this.#connection = new OwnConnection(spawned.summary.socket, spawned.summary.pid);
  }

  async #stop(): Promise<void> {
    await this.#http?.close();
    await this.#connection?.close();
    await this.#spawned?.stop();
    this.#http = null;
    this.#connection = null;
    this.#spawned = null;
  }
}

/** The chat API of our daemon. */
export function ownBody(model: string, { messages, maxTokens, cache = true, session }: ChatBody): object {
  return {
    model,
    messages,
    max_tokens: maxTokens,
    temperature: 0,
    ignore_eos: true,
    cache_prompt: cache,
    ...(session === undefined ? {} : { session_id: session }),
  };
}

/** What a daemon of ours is asked over its socket. */
export class OwnConnection implements OwnDaemon {
  readonly #admin: AdminClient;
  readonly #models: ResidencyClient;

  constructor(
    socket: string,
    readonly pid: number,
  ) {
    this.#admin = new AdminClient(socket, CONNECT_TIMEOUT_MS);
    this.#models = new ResidencyClient(socket, CONNECT_TIMEOUT_MS);
  }

  async status(): Promise<OwnStatus> {
    const { version, engine, native, memory } = await this.#admin.status();
    return {
      version,
      weightBytes: native.weightBytes,
      kvBytes: native.kvBytes,
      kvBytesPerToken: engine.kv.bytesPerToken,
      residentBytes: memory.residentBytes,
      contextTokens: engine.contextLength,
    };
  }

  async scheduler(): Promise<{ readonly totals: { readonly step_ms: number; readonly steps: number } }> {
    const { totals } = await this.#admin.scheduler();
    return { totals: { step_ms: totals.step_ms, steps: totals.steps } };
  }

  async stored(): Promise<void> {
    for (;;) {
      const { parking } = (await this.#admin.status()).engine;
      if (parking.lastFailure !== null)
        throw new SemanticError('CachePersistence', `[bench] KV could not be stored: ${parking.lastFailure}`);
      if (parking.pending === 0) return;
      await sleep(POLL_MS);
    }
  }

  /** Hash over weights, tokenizer, template and layout of the KV; null where there is none. */
  async fingerprint(): Promise<string | null> {
    return (await this.#models.list()).data.find(({ current }) => current)?.fingerprint ?? null;
  }

  async swap(model: string): Promise<number> {
    const { ms, state, error } = await this.#models.swap(model, null, () => undefined);
    if (state !== 'done')
      throw new SemanticError('ModelSwap', `[bench] the exchange for ${model} ended as ${state}: ${error ?? 'no reason given'}`);
    return ms;
  }

  async close(): Promise<void> {
    await this.#admin.close();
    await this.#models.close();
  }
}

/** What the user's own daemon is told of its doors and places: a private one has others. Settings of the engine count. */
function notForThis(environment: NodeJS.ProcessEnv): Record<string, undefined> {
  const names = Object.keys(environment).filter((name) => /^SEMANTIC_(SERVER|LOG|AUDIT|TRACES|LIMITS|AGENTS|STORE)_/.test(name));
  return Object.fromEntries(names.map((name) => [name, undefined]));
}

const POLL_MS = 5;
const LOG_CHARACTERS = 400;

function readLog(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().slice(-LOG_CHARACTERS);
  } catch {
    return '';
  }
}

function notStarted({ name, binary }: OwnDaemonOptions, log: string, cause: unknown): SemanticError {
  const said = log === '' ? '' : `; the last it said was: ${log}`;
  return new SemanticError('PeerFailed', `[bench] ${name} (${binary}) ended before it was ready${said}`, { cause });
}
