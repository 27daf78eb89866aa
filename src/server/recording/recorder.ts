/** Records what goes by while it is wanted: one recording at a time, begun at start or over the admin routes. */
import { resolve } from 'node:path';
import type { FastifyBaseLogger, FastifyReply, FastifyRequest } from 'fastify';
import type { ManifestHead } from '../../adapters/recordings/format.js';
import { Predecessors } from '../../adapters/recordings/predecessors.js';
import { KEPT_HEADERS, Redaction } from '../../adapters/recordings/redact.js';
import { type RecordingStatus, RecordingWriter } from '../../adapters/recordings/recording-writer.js';
import { LOCAL_SCOPE } from '../../core/domain/agent.js';
import { SemanticError } from '../../core/domain/errors.js';
import { callerOf } from '../caller.js';
import { ExchangeTap, type Heard } from './exchange-tap.js';

export interface RecorderOptions {
  readonly logger: FastifyBaseLogger;
  /** Where who begins one says nothing. */
  readonly defaults: { readonly maxBytes: number; readonly redact: readonly string[] };
  /** Of this daemon, as it is when a recording begins. */
  readonly head: () => Omit<ManifestHead, 'source' | 'redaction'>;
}

export interface NewRecording {
  /** A folder that is not there yet, or is empty. */
  readonly directory: string;
  readonly maxBytes?: number;
  /** Besides those of the configuration. */
  readonly redact?: readonly string[];
}

interface Current {
  readonly writer: RecordingWriter;
  readonly redaction: Redaction;
  readonly predecessors: Predecessors;
  /** Numbers of API keys, by scope. */
  readonly callers: Map<string, number>;
  readonly since: number; // by performance.now()
  requests: number;
  open: number;
}

export class Recorder {
  readonly #options: RecorderOptions;
  #current: Current | null = null;
  #last: RecordingStatus | null = null;
  #isStarting = false;

  constructor(options: RecorderOptions) {
    this.#options = options;
  }

  /** Of the recording that goes on, or else of the last one; null where there was none. */
  status(): RecordingStatus | null {
    return this.#current?.writer.status() ?? this.#last;
  }

  /** Throws RecordingConflict where one goes on or the folder is not empty, RecordingFailed, ConfigInvalid for rules that are none. */
  async start({ directory, maxBytes = this.#options.defaults.maxBytes, redact = [] }: NewRecording): Promise<RecordingStatus> {
    const { defaults, head, logger } = this.#options;
    if (this.#current !== null || this.#isStarting) throw conflict(this.status()?.directory ?? directory);
    this.#isStarting = true;
    try {
      const redaction = new Redaction([...defaults.redact, ...redact]);
      const redacted = { headers: [...KEPT_HEADERS], rules: redaction.rules };
      const limits = { maxBytes, onEnd: (status: RecordingStatus) => this.#ended(status) };
      const writer = await RecordingWriter.create(resolve(directory), { ...head(), source: 'daemon', redaction: redacted }, limits);
      this.#current = {
        writer,
        redaction,
        predecessors: new Predecessors(),
        callers: new Map(),
        since: performance.now(),
        requests: 0,
        open: 0,
      };
      logger.info({ directory: resolve(directory) }, 'recording requests and answers');
      return writer.status();
    } finally {
      this.#isStarting = false;
    }
  }

  /** Throws RecordingNotFound where none goes on. What is not answered yet is not in it. */
  async stop(): Promise<RecordingStatus> {
    const current = this.#current;
    if (current === null)
      throw new SemanticError('RecordingNotFound', '[recording] wanted a recording to end, and none goes on', {
        hint: 'Begin one with: semantic record',
      });
    this.#current = null;
    this.#last = await current.writer.close(current.open);
    return this.#last;
  }

  /** Listens to a request where a recording goes on. */
  follow(request: FastifyRequest, reply: FastifyReply): void {
    const current = this.#current;
    if (current === null) return;
    current.requests += 1;
    current.open += 1;
    request.generations ??= [];
    const tap = new ExchangeTap(current.requests, rounded(performance.now() - current.since), request, reply);
    reply.raw.once('close', () => {
      current.open -= 1;
      // What is done for the answer comes first; and what fails here is nobody's but the recording's.
      setImmediate(() => this.#write(current, request, () => tap.heard()));
    });
  }

  async close(): Promise<void> {
    if (this.#current !== null) await this.stop();
  }

  #write(current: Current, request: FastifyRequest, heard: () => Heard): void {
    if (!current.writer.isOpen) return;
    try {
      const exchange = heard();
      const { predecessors, redaction } = current;
      const predecessor = predecessors.find(exchange);
      predecessors.answered(exchange);
      current.writer.add({
        ...exchange,
        predecessor,
        caller: callerNumber(current.callers, callerOf(request).scope),
        path: redaction.path(exchange.path),
        headers: redaction.headers(exchange.headers),
        body: redaction.json(exchange.body),
        answer: redaction.json(exchange.answer),
        events: exchange.events?.map((event) => ({ ...event, data: redaction.event(event.data) })) ?? null,
      });
    } catch (error) {
      this.#options.logger.error({ err: error }, 'an exchange could not be recorded');
    }
  }

  /** It is full, or failed: requests go on without it. */
  #ended(status: RecordingStatus): void {
    const { logger } = this.#options;
    const { directory, exchanges, maxBytes, reason, state } = status;
    if (state === 'full') logger.warn({ directory, exchanges, maxBytes }, 'the recording has ended: it is as large as it may be');
    else logger.error({ directory, exchanges, reason }, 'the recording has ended: it cannot be written');
    const current = this.#current;
    this.#current = null;
    this.#last = status;
    void current?.writer.close(current.open).then((closed) => (this.#last = closed));
  }
}

/** To microseconds: who waited for an answer came after it. */
function rounded(millis: number): number {
  return Math.round(millis * 1_000) / 1_000;
}

/** 0 = without a key; others count from 1 as they come. */
function callerNumber(callers: Map<string, number>, scope: string): number {
  if (scope === LOCAL_SCOPE) return 0;
  const known = callers.get(scope);
  if (known !== undefined) return known;
  callers.set(scope, callers.size + 1);
  return callers.size;
}

function conflict(directory: string): SemanticError {
  return new SemanticError('RecordingConflict', `[recording] wanted to begin a recording, and one goes on in ${directory}`, {
    hint: 'End it with: semantic record --stop',
  });
}
