/** Models in memory, over the daemon's socket. */
import { z } from 'zod';
import { SemanticError } from '../core/domain/errors.js';
import { DaemonHttp } from './daemon-http.js';
import {
  type ResidentBody,
  type ResidentListBody,
  residentListSchema,
  residentSchema,
  type SwapBody,
  swapSchema,
} from './residency-bodies.js';
import { sseData } from './sse-lines.js';
import { wireError } from './wire-error.js';

export class ResidencyClient {
  readonly #http: DaemonHttp;

  constructor(socket: string, connectTimeoutMs: number) {
    this.#http = new DaemonHttp(socket, connectTimeoutMs);
  }

  list(): Promise<ResidentListBody> {
    return this.#http.json({ method: 'GET', path: `${MODELS}/resident` }, residentListSchema);
  }

  load(model: string): Promise<ResidentBody> {
    return this.#http.json({ method: 'POST', path: `${MODELS}/load`, json: { model } }, residentSchema);
  }

  async unload(model: string): Promise<void> {
    await this.#http.json({ method: 'POST', path: `${MODELS}/unload`, json: { model } }, residentListSchema);
  }

  pin(model: string, pinned: boolean): Promise<ResidentBody> {
    return this.#http.json({ method: 'POST', path: `${MODELS}/pin`, json: { model, pinned } }, residentSchema);
  }

  /** Resolves to the last report, whatever came of it; `onState` is told of every state. */
  async swap(model: string, drainSeconds: number | null, onState: (report: SwapBody) => void): Promise<SwapBody> {
    const json = { model, drain_seconds: drainSeconds, stream: true };
    const { body } = await this.#http.open({ method: 'POST', path: `${MODELS}/swap`, json });
    let last: SwapBody | null = null;
    try {
      for await (const data of sseData(body)) {
        if (data === '[DONE]') break;
        const sent = JSON.parse(data) as unknown;
        const error = wireError(sent);
        if (error !== null) throw error;
        last = swapSchema.parse(sent);
        onState(last);
      }
    } catch (error) {
      throw error instanceof z.ZodError ? error : this.#http.broken(error);
    }
    if (last !== null) return last;
    throw new SemanticError('Internal', '[client] the daemon ended its exchange without a report');
  }

  close(): Promise<void> {
    return this.#http.close();
  }
}

const MODELS = '/v1/admin/models';
