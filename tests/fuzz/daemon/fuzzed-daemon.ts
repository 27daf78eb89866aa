/** The daemon that all of it is sent to: small bounds, so that what it may keep is full soon, and short patience with slow senders. */
import { request } from 'node:http';
import type { ResidentListBody } from '../../../src/client/residency-bodies.js';
import type { DaemonStatus } from '../../../src/server/admin/status.js';
import type { Document } from '../../../src/server/openapi/document.js';
import { startDaemon, type TestDaemon, until } from '../../support/daemon.js';
import { type FuzzHome, makeHome, MODELS } from './fuzz-home.js';
import { openFiles } from './process-figures.js';

const SETTINGS = {
  SEMANTIC_LOG_LEVEL: 'warn',
  SEMANTIC_EMBEDDINGS_MODEL: 'alpha',
  SEMANTIC_MODELS_AUTOLOAD: 'true',
  SEMANTIC_MODELS_MAX_RESIDENT: '2',
  SEMANTIC_MODELS_DRAIN_SECONDS: '2',
  SEMANTIC_MODELS_WAIT_SECONDS: '20',
  SEMANTIC_MODEL_THREADS: '2',
  SEMANTIC_ENGINE_MEMORY_BUDGET_BYTES: '600000000',
  SEMANTIC_ENGINE_SCRATCH_BYTES: '100000000',
  SEMANTIC_SERVER_MAX_BODY_BYTES: '1000000',
  SEMANTIC_SERVER_HEADERS_TIMEOUT_SECONDS: '2',
  SEMANTIC_SERVER_RECEIVE_TIMEOUT_SECONDS: '3',
  SEMANTIC_SERVER_SLOW_READER_SECONDS: '3',
  SEMANTIC_CACHE_BUDGET_MB: '16',
  SEMANTIC_CACHE_MAX_AGENTS_IN_MEMORY: '16',
  SEMANTIC_CACHE_MAX_HISTORIES: '32',
  SEMANTIC_CACHE_REMEMBERED_CALLS: '100',
  SEMANTIC_CACHE_MIN_PERSIST_TOKENS: '16',
  SEMANTIC_CACHE_MIN_RESTORE_TOKENS: '8',
  SEMANTIC_STORE_MIN_FREE_MB: '0',
  SEMANTIC_STORE_MAX_MB: '64',
  SEMANTIC_STORE_EXTENT_MB: '4',
  SEMANTIC_AGENTS_MAX: '32',
  SEMANTIC_AGENTS_SWEEP_SECONDS: '1',
  SEMANTIC_RESPONSES_MAX_COUNT: '64',
  SEMANTIC_HUB_RETRIES: '0',
};

/** With more than so many, those that requests make are soon refused. */
const ROOM_FOR_AGENTS = 20;

/** Asked before and after: greedy, so the tokens are the model's alone. */
const QUESTION = { model: 'alpha', prompt: 'The daemon is', max_tokens: 24, temperature: 0, seed: 1, logprobs: 1, cache_prompt: false };

/** What must be as it was when all is over. */
export interface AtRest {
  readonly tokens: readonly string[];
  readonly running: number;
  readonly waiting: number;
  readonly sequences: number;
  readonly kvUsedBytes: number;
  readonly kvBytes: number;
  /** Sockets, pipes and the like; files of the home come and go with the store. */
  readonly handles: readonly string[];
  readonly fault: string | null;
}

export class FuzzedDaemon {
  /** Why it is no more; null = it runs. */
  death: string | null = null;
  #limits: object = {};

  private constructor(
    readonly home: FuzzHome,
    readonly process: TestDaemon,
  ) {
    void process
      .ended()
      .then(([code, signal]) => (this.death = `the daemon ended with ${code ?? signal}: ${process.stderr().slice(-3_000)}`));
  }

  static async start(): Promise<FuzzedDaemon> {
    const home = await makeHome();
    const settings = { ...SETTINGS, SEMANTIC_HOME: home.path, SEMANTIC_HUB_ENDPOINT: home.hub };
    const daemon = new FuzzedDaemon(home, await startDaemon(['--model', 'alpha', '--socket', `${home.path}/s.sock`], settings));
    const { limits } = await daemon.call<{ limits: Record<string, unknown> & { prefill_chunk_tokens: Record<string, number> } }>(
      'GET',
      '/v1/admin/scheduler',
    );
    const { min = 1, max = 1 } = limits.prefill_chunk_tokens;
    daemon.#limits = { ...limits, prefill_chunk_tokens: { min, max } };
    return daemon;
  }

  get pid(): number {
    return this.process.summary.pid;
  }

  get door(): { readonly port: number; readonly socket: string } {
    const { address, socket } = this.process.summary;
    return { port: Number(new URL(address).port), socket };
  }

  document(): Promise<Document> {
    return this.call<Document>('GET', '/openapi.json');
  }

  /** Over the Unix socket, so as the daemon's own user, on a connection that is closed. Throws for a status from 400 on. */
  async call<T>(method: string, path: string, body?: object): Promise<T> {
    const { status, text } = await this.#ask(method, path, body);
    if (status >= 400) throw new Error(`${method} ${path}: ${status} ${text}`);
    return JSON.parse(text) as T;
  }

  /** The same, whatever the answer. */
  async tell(method: string, path: string, body?: object): Promise<void> {
    await this.#ask(method, path, body);
  }

  #ask(method: string, path: string, body?: object): Promise<{ readonly status: number; readonly text: string; readonly bytes: Buffer }> {
    const sent = body === undefined ? undefined : JSON.stringify(body);
    const headers = sent === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sent) };
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath: this.door.socket, method, path, agent: false, headers }, (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part)).once('error', reject);
        response.once('end', () => {
          const bytes = Buffer.concat(parts);
          resolve({ status: response.statusCode ?? 0, text: bytes.toString(), bytes });
        });
      });
      asked.once('error', reject);
      asked.end(sent);
    });
  }

  /** Makes what a request of that path is about, and gives its id: a response, an exchange, a block. Null where nothing was made. */
  async idFor(path: string, number: number): Promise<string | null> {
    if (/^\/v1\/responses(?:$|\/\{)/.test(path)) {
      const body = { model: 'alpha', input: 'Hi', max_output_tokens: 1, background: path.endsWith('/cancel') };
      return this.#idOf('POST', '/v1/responses', body);
    }
    if (path === '/v1/admin/models/swap/{id}') {
      const { text } = await this.#ask('GET', '/v1/admin/models/swap');
      return (JSON.parse(text) as { readonly data?: readonly { readonly id: string }[] }).data?.at(-1)?.id ?? null;
    }
    if (path === '/v1/admin/aliases/{name}') await this.tell('POST', '/v1/admin/aliases', { name: 'other', model: 'beta' });
    if (path.startsWith('/v1/cache/blocks/')) return this.#block();
    const agent = ['one', 'two', 'three'][number % 3]!;
    if (path.includes('/agents/{id}')) await this.tell('POST', '/v1/agents', { id: agent });
    if (/\/(?:rewind|export)$/.test(path)) await this.tell('POST', `/v1/agents/${agent}/generate`, { input: 'Hi', max_tokens: 1 });
    return null;
  }

  /** Of an agent that is long enough to have one on disk. */
  async #block(): Promise<string | null> {
    const id = 'long';
    await this.tell('POST', '/v1/agents', { id });
    await this.tell('POST', `/v1/agents/${id}/generate`, { input: 'word '.repeat(20), max_tokens: 1 });
    await this.tell('POST', '/v1/cache/evict', { agent: id, to: 'disk' });
    const { text } = await this.#ask('GET', `/v1/cache/agents/${id}`);
    await this.tell('DELETE', `/v1/agents/${id}`);
    return (JSON.parse(text) as { readonly blocks?: readonly { readonly hash: string }[] }).blocks?.[0]?.hash ?? null;
  }

  async #idOf(method: string, path: string, body?: object): Promise<string | null> {
    const { text } = await this.#ask(method, path, body);
    return (JSON.parse(text) as { readonly id?: string }).id ?? null;
  }

  /** What an agent is as one file. */
  async exported(): Promise<Buffer> {
    await this.call('POST', '/v1/agents', { id: 'exported', system: 'Be short. '.repeat(10) });
    await this.call('POST', '/v1/agents/exported/generate', { input: 'Hi', max_tokens: 3 });
    const { bytes } = await this.#ask('POST', '/v1/agents/exported/export');
    return bytes;
  }

  /** Undoes what requests may do to everybody: limits, pins, models that are gone. */
  async tend(): Promise<void> {
    this.home.restoreModels();
    const { data: agents } = await this.call<{ data: readonly { id: string }[] }>('GET', '/v1/agents');
    if (agents.length > ROOM_FOR_AGENTS) for (const { id } of agents) await this.tell('DELETE', `/v1/agents/${id}?purge=true`);
    await this.call('PATCH', '/v1/admin/scheduler', this.#limits).catch(() => undefined); // no model is in memory
    for (const model of Object.keys(MODELS)) await this.tell('POST', '/v1/admin/models/pin', { model, pinned: false });
    await until(
      async () => (await this.call<ResidentListBody>('GET', '/v1/admin/models/resident')).state,
      (state) => state !== 'swapping',
    );
    const { data } = await this.call<ResidentListBody>('GET', '/v1/admin/models/resident');
    if (data.find(({ current }) => current)?.id !== 'alpha') await this.#swapTo('alpha');
    await this.call('PATCH', '/v1/admin/scheduler', this.#limits);
  }

  async #swapTo(model: string): Promise<void> {
    await this.tell('POST', '/v1/admin/models/swap', { model, drain_seconds: 0 });
    await until(
      async () => (await this.call<ResidentListBody>('GET', '/v1/admin/models/resident')).data.find(({ current }) => current)?.id,
      (id) => id === model,
    );
  }

  /** Lets everything go that may be kept, and says what is left. */
  async atRest(): Promise<AtRest> {
    await this.tend();
    for (const { id, current } of (await this.call<ResidentListBody>('GET', '/v1/admin/models/resident')).data) {
      if (!current) await this.tell('POST', '/v1/admin/models/unload', { model: id });
    }
    const { choices } = await this.call<{ choices: readonly { logprobs: { tokens: string[] } }[] }>('POST', '/v1/completions', QUESTION);
    for (const { id } of (await this.call<{ data: readonly { id: string }[] }>('GET', '/v1/agents')).data)
      await this.tell('DELETE', `/v1/agents/${id}?purge=true`);
    await this.call('POST', '/v1/cache/evict', { to: 'none' });
    const { engine, native } = await until(
      () => this.call<DaemonStatus>('GET', '/v1/admin/status'),
      (status) => status.engine.running + status.engine.waiting + status.engine.parking.pending === 0,
    );
    const handles = openFiles(this.pid).filter((file) => !file.startsWith(this.home.path));
    return {
      tokens: choices[0]!.logprobs.tokens,
      running: engine.running,
      waiting: engine.waiting,
      sequences: native.sequences,
      kvUsedBytes: engine.kv.usedBytes,
      kvBytes: native.kvBytes,
      handles: handles.toSorted(),
      fault: engine.fault,
    };
  }

  /** Lines of its log from level 50 on, but for those that tell what a 503 told. */
  errorsInLog(): readonly string[] {
    return this.process
      .stderr()
      .split('\n')
      .filter((line) => line !== '' && !isExpected(line));
  }

  async stop(): Promise<readonly [number | null, string | null]> {
    this.process.signal('SIGTERM');
    const ended = await this.process.ended();
    await this.process.stop();
    this.home.remove();
    return ended;
  }
}

const EXPECTED: ReadonlySet<string> = new Set(['ModelUnavailable', 'ModelSwap', 'PoolExhausted', 'OutOfMemory', 'Overloaded']);

/** Over the Unix socket a pull may name files of this machine, and those that random names mean are no models. */
const OF_A_PULL = /^failed: \[pull\] /;

/** What is no line of the log at all is a crash's last word. */
function isExpected(line: string): boolean {
  try {
    const { level, msg, err } = JSON.parse(line) as {
      readonly level: number;
      readonly msg: string;
      readonly err?: { readonly code?: string };
    };
    const code = err?.code ?? '';
    return level < 50 || EXPECTED.has(code) || (code === 'ModelUnsupported' && OF_A_PULL.test(msg));
  } catch {
    return false;
  }
}
