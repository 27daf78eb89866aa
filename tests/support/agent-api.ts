/** The agent and cache routes of a daemon, as a client without a library uses them. */
import type { AgentBody, AgentDetailBody } from '../../src/client/agent-bodies.js';
import { sseData } from '../../src/client/sse-lines.js';
import type { TestDaemon } from './daemon.js';

export interface Answer<T> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: T;
}

export interface Turn {
  readonly object: 'agent.turn';
  readonly agent: string;
  readonly text: string;
  readonly finish_reason: string;
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly cached_tokens: number;
    readonly created_tokens: number;
  };
  readonly cache: { readonly source: string; readonly miss: { readonly cause: string; readonly was: string; readonly now: string } | null };
  readonly logprobs?: readonly { readonly logprob: number; readonly top_logprobs: readonly object[] }[];
}

export interface ErrorBody {
  readonly error: { readonly message: string; readonly type: string; readonly param: string | null; readonly code: string };
}

export type TurnEvent = { readonly type: string; readonly [field: string]: unknown };

export class AgentApi {
  constructor(
    private readonly daemon: TestDaemon,
    private readonly headers: Readonly<Record<string, string>> = {},
  ) {}

  /** `path` behind /v1. */
  async call<T>(method: string, path: string, body?: object): Promise<Answer<T>> {
    const response = await this.fetch(method, path, body);
    return { status: response.status, headers: response.headers, body: (await response.json()) as T };
  }

  fetch(method: string, path: string, body?: object | Uint8Array, signal?: AbortSignal): Promise<Response> {
    const json = body instanceof Uint8Array || body === undefined ? body : JSON.stringify(body);
    return fetch(`${this.daemon.summary.address}/v1${path}`, {
      method,
      headers: this.headers,
      ...(json === undefined ? {} : { body: json }),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async create(body: object): Promise<AgentBody> {
    return accepted(await this.call<AgentBody>('POST', '/agents', body), 201);
  }

  async show(id: string): Promise<AgentDetailBody> {
    return accepted(await this.call<AgentDetailBody>('GET', `/agents/${id}`), 200);
  }

  async list(): Promise<readonly AgentBody[]> {
    return accepted(await this.call<{ readonly data: readonly AgentBody[] }>('GET', '/agents'), 200).data;
  }

  /** Greedy, unless `body` says otherwise. */
  async say(id: string, input: string, body: object = {}): Promise<Turn> {
    return accepted(await this.call<Turn>('POST', `/agents/${id}/generate`, { input, temperature: 0, max_tokens: 16, ...body }), 200);
  }

  async fork(id: string, child?: string): Promise<AgentBody> {
    return accepted(await this.call<AgentBody>('POST', `/agents/${id}/fork`, child === undefined ? undefined : { id: child }), 201);
  }
}

function accepted<T>({ status, body }: Answer<T>, wanted: number): T {
  if (status !== wanted) throw new Error(`wanted ${wanted}, got ${status}: ${JSON.stringify(body)}`);
  return body;
}

/** What a stream said, without its [DONE], of which there must be one at the end. */
export async function eventsOf(response: Response): Promise<TurnEvent[]> {
  const events: string[] = [];
  for await (const data of sseData(response.body as unknown as AsyncIterable<Uint8Array>)) events.push(data);
  if (events.pop() !== '[DONE]') throw new Error(`the stream was cut off: ${events.join('\n')}`);
  return events.map((data) => JSON.parse(data) as TurnEvent);
}

/** Somewhat more than a block of tokens. */
export const LONG_SYSTEM = `You are a gardener. ${Array.from({ length: 26 }, (_, i) => `Bed ${i} grows plant number ${i * 7}.`).join(' ')}`;
