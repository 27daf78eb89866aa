/**
 * Sends spans to a receiver of OTLP over HTTP, in batches and beside everything else. Nobody waits for it: what the receiver does not take
 * is tried again a few times, and then lost, and so is what comes while too much is waiting. What was lost is said at most once a minute.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { encodeSpans } from './encode-spans.js';
import type { OtlpTarget } from './otlp-target.js';
import type { Attributes, Span } from './span.js';

export interface SpanExporterOptions {
  readonly target: OtlpTarget;
  readonly resource: Attributes;
  readonly version: string;
  /** Told what was lost. */
  readonly log: (message: string) => void;
}

const MOST_WAITING = 2_048;
const BATCH = 256;
/** A span waits so long for others. */
const DELAY_MS = 2_000;
const TIMEOUT_MS = 10_000;
const ATTEMPTS = 3;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
const BETWEEN_LINES_MS = 60_000;
/** Those that may pass. */
const BUSY: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Null = it was taken. */
type Refusal = { readonly why: string; readonly mayPass: boolean; readonly retryAfterMs: number | null } | null;

const STOPPED: Refusal = { why: 'it did not take them before the daemon stopped', mayPass: false, retryAfterMs: null };

export class SpanExporter {
  readonly #options: SpanExporterOptions;
  readonly #agent = new Agent({ connections: 1, connect: { timeout: TIMEOUT_MS }, headersTimeout: TIMEOUT_MS, bodyTimeout: TIMEOUT_MS });
  /** No more is sent. */
  readonly #over = new AbortController();
  readonly #waiting: Span[] = [];
  #timer: NodeJS.Timeout | null = null;
  #sending: Promise<void> | null = null;
  #lost = 0;
  /** The last time. */
  #why = '';
  #saidAt = -Infinity;

  constructor(options: SpanExporterOptions) {
    this.#options = options;
  }

  add(span: Span): void {
    if (this.#over.signal.aborted) return;
    if (this.#waiting.length >= MOST_WAITING) return this.#lose(1, `${MOST_WAITING} were waiting already`);
    this.#waiting.push(span);
    if (this.#waiting.length >= BATCH) void this.#send();
    else this.#timer ??= setTimeout(() => void this.#send(), DELAY_MS).unref();
  }

  /** Sends what waits. When `deadline` aborts the rest is lost, and this resolves. */
  async close(deadline: AbortSignal): Promise<void> {
    const end = (): void => this.#over.abort();
    if (deadline.aborted) end();
    deadline.addEventListener('abort', end, { once: true });
    await this.#send();
    await this.#send(); // what came while a batch was on its way
    end();
    if (this.#lost > 0) this.#say(this.#why);
    await this.#agent.destroy();
  }

  #send(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    this.#sending ??= this.#sendAll().finally(() => (this.#sending = null));
    return this.#sending;
  }

  async #sendAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, BATCH);
      const refusal = await this.#sendBatch(batch);
      if (refusal !== null) this.#lose(batch.length, refusal.why);
    }
  }

  async #sendBatch(batch: readonly Span[]): Promise<Refusal> {
    const body = encodeSpans(batch, this.#options.resource, this.#options.version);
    const { signal } = this.#over;
    for (let attempt = 1; ; attempt++) {
      const refusal = await this.#post(body);
      if (refusal === null || !refusal.mayPass || attempt === ATTEMPTS || signal.aborted) return refusal;
      const pause = Math.min(refusal.retryAfterMs ?? FIRST_PAUSE_MS * 2 ** (attempt - 1), LONGEST_PAUSE_MS);
      await sleep(pause, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #post(body: Uint8Array): Promise<Refusal> {
    const { url, headers } = this.#options.target;
    const { signal } = this.#over;
    if (signal.aborted) return STOPPED;
    try {
      const answer = await request(url, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'application/x-protobuf' },
        body,
        dispatcher: this.#agent,
        signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
      });
      await answer.body.dump();
      const { statusCode: status } = answer;
      if (status >= 200 && status < 300) return null;
      const seconds = Number(answer.headers['retry-after'] ?? Number.NaN);
      return { why: `it answered ${status}`, mayPass: BUSY.has(status), retryAfterMs: Number.isFinite(seconds) ? seconds * 1000 : null };
    } catch (error) {
      const { code, name, message } = error as Error & { readonly code?: unknown };
      if (signal.aborted) return STOPPED;
      return {
        why: name === 'TimeoutError' ? `it did not answer for ${TIMEOUT_MS} ms` : typeof code === 'string' ? code : message,
        mayPass: true,
        retryAfterMs: null,
      };
    }
  }

  #lose(spans: number, why: string): void {
    this.#lost += spans;
    this.#why = why;
    if (performance.now() - this.#saidAt >= BETWEEN_LINES_MS) this.#say(why);
  }

  #say(why: string): void {
    const { log, target } = this.#options;
    log(`[traces] ${this.#lost} spans for ${target.url.origin} were lost: ${why}`);
    this.#lost = 0;
    this.#saidAt = performance.now();
  }
}
