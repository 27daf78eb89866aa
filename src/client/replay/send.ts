/** Sends one request to the target and takes its answer in the form that recordings have, with what our own servers say beside it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { z } from 'zod';
import { eventsOfFrame, frameField } from '../../adapters/recordings/event-frame.js';
import { type Exchange, type Generation, generationSchema, type SentEvent } from '../../adapters/recordings/format.js';
import { SemanticError } from '../../core/domain/errors.js';
import type { Resent } from './rewrite.js';

export type Answered = Pick<Exchange, 'status' | 'answer' | 'events' | 'firstMs' | 'totalMs' | 'generations' | 'cancelled'> & {
  /** What broke the connection; null where nothing did. */
  readonly broken: string | null;
};

/** Where requests go. */
export type Place = { readonly socket: string } | { readonly url: string };

const CONNECTIONS = 256;
const detailSchema = z.object({ generations: z.array(generationSchema) });

export class Target {
  readonly #pool: Pool;

  constructor(place: Place) {
    const options = { connections: CONNECTIONS, headersTimeout: 0, bodyTimeout: 0 };
    this.#pool = 'socket' in place ? new Pool('http://localhost', { ...options, socketPath: place.socket }) : new Pool(place.url, options);
  }

  /** `leaving`: it goes away after so many events, or after that time where none had come. Never rejects for what the target does. */
  async send(request: Resent, leaving: Exchange['cancelled']): Promise<Answered> {
    const left = new AbortController();
    const heard = new Heard();
    const patience = leaving?.afterEvents === 0 ? sleep(leaving.at, undefined, { signal: left.signal }).then(() => left.abort()) : null;
    patience?.catch(() => undefined);
    try {
      const { method, path, headers, body } = request;
      const {
        statusCode,
        headers: answered,
        body: stream,
      } = await this.#pool.request({
        method,
        path,
        headers: { ...headers },
        body,
        signal: left.signal,
      });
      heard.begin(statusCode, String(answered['content-type'] ?? '').startsWith('text/event-stream'));
      for await (const chunk of stream as AsyncIterable<Uint8Array>) {
        heard.take(chunk);
        if (leaving !== null && leaving.afterEvents > 0 && heard.events >= leaving.afterEvents) left.abort();
      }
      return heard.answered(null, null);
    } catch (error) {
      if (left.signal.aborted) return heard.answered(null, { afterEvents: heard.events, at: heard.now() });
      return heard.answered((error as Error).message, null);
    } finally {
      left.abort(); // nobody waits any more
    }
  }

  async json(path: string): Promise<unknown> {
    try {
      const { body } = await this.#pool.request({ method: 'GET', path });
      return await body.json();
    } catch (cause) {
      throw new SemanticError('DaemonUnreachable', `[replay] the target does not answer: ${(cause as Error).message}`, { cause });
    }
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

class Heard {
  readonly #since = performance.now();
  readonly #decoder = new TextDecoder();
  #status: number | null = null;
  #isStream = false;
  #firstMs: number | null = null;
  #text = '';
  readonly #events: SentEvent[] = [];
  #generations: readonly Generation[] = [];

  get events(): number {
    return this.#events.length;
  }

  now(): number {
    return Math.round((performance.now() - this.#since) * 1000) / 1000;
  }

  begin(status: number, isStream: boolean): void {
    this.#status = status;
    this.#isStream = isStream;
  }

  take(chunk: Uint8Array): void {
    this.#firstMs ??= this.now();
    this.#text += this.#decoder.decode(chunk, { stream: true });
    if (!this.#isStream) return;
    const frames = this.#text.split('\n\n');
    this.#text = frames.pop()!;
    for (const frame of frames) this.#frame(frame);
  }

  answered(broken: string | null, cancelled: Exchange['cancelled']): Answered {
    const { answer, generations } = this.#isStream ? { answer: null, generations: this.#generations } : this.#whole();
    return {
      status: this.#status,
      answer,
      events: this.#isStream ? this.#events : null,
      firstMs: this.#firstMs,
      totalMs: this.now(),
      generations: [...generations],
      cancelled,
      broken,
    };
  }

  #frame(frame: string): void {
    const detail = frameField(frame, ': semantic ');
    if (detail !== undefined) this.#generations = generationsOf(JSON.parse(detail));
    this.#events.push(...eventsOfFrame(frame, this.now()));
  }

  #whole(): { readonly answer: unknown; readonly generations: readonly Generation[] } {
    try {
      const body = JSON.parse(this.#text) as Record<string, unknown>;
      if (typeof body !== 'object' || body === null || !('semantic' in body)) return { answer: body, generations: [] };
      const { semantic, ...answer } = body;
      return { answer, generations: generationsOf(semantic) };
    } catch {
      return { answer: this.#text === '' ? null : this.#text, generations: [] };
    }
  }
}

/** None where another server has a field of this name. */
function generationsOf(detail: unknown): readonly Generation[] {
  const read = detailSchema.safeParse(detail);
  return read.success ? read.data.generations : [];
}
