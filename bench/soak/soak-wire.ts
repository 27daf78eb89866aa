/** The routes a soak uses, over TCP. Everything that is not an answer throws. */

export interface TurnUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

export interface TurnRequest {
  readonly input: string;
  readonly max_tokens: number;
  readonly seed: number;
}

/** `status`: null where an answer that had begun was broken off. */
export class WireFailure extends Error {
  constructor(
    readonly status: number | null,
    message: string,
  ) {
    super(message);
  }
}

export class SoakWire {
  constructor(private readonly base: string) {}

  async create(id: string): Promise<void> {
    await this.#json('POST', '/v1/agents', { id, system: `You are ${id}. Answer briefly.` });
  }

  async fork(id: string, child: string): Promise<void> {
    await this.#json('POST', `/v1/agents/${id}/fork`, { id: child });
  }

  async remove(id: string): Promise<void> {
    await this.#json('DELETE', `/v1/agents/${id}?purge=true`);
  }

  async turn(id: string, request: TurnRequest): Promise<TurnUsage> {
    return (await this.#json<{ readonly usage: TurnUsage }>('POST', `/v1/agents/${id}/generate`, request)).usage;
  }

  /** As a turn, but the client goes away when so many events have come; false when the answer was over before. */
  async abandon(id: string, request: TurnRequest, events: number): Promise<boolean> {
    const gone = new AbortController();
    const reply = await this.#send('POST', `/v1/agents/${id}/generate`, { ...request, stream: true }, gone.signal);
    const text = reply.body!.pipeThrough(new TextDecoderStream());
    let seen = '';
    for await (const piece of text) {
      seen += piece;
      if (seen.includes('data: {"type":"error"')) throw new WireFailure(null, `a stream failed: ${seen}`);
      if (seen.includes('data: [DONE]')) return false;
      if (seen.split('\n\n').length > events) break;
    }
    gone.abort();
    return true;
  }

  async evictAll(): Promise<void> {
    await this.#json('POST', '/v1/cache/evict', { agent: null, to: 'none' });
  }

  get<T>(path: string): Promise<T> {
    return this.#json<T>('GET', path);
  }

  async #json<T>(method: string, path: string, body?: object): Promise<T> {
    return (await (await this.#send(method, path, body)).json()) as T;
  }

  async #send(method: string, path: string, body?: object, signal?: AbortSignal): Promise<Response> {
    const reply = await fetch(`${this.base}${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
    if (!reply.ok) throw new WireFailure(reply.status, `${method} ${path} was answered with ${reply.status}: ${await reply.text()}`);
    return reply;
  }
}
