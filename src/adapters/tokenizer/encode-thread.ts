import { Worker } from 'node:worker_threads';
import type { EncodeReply, EncodeRequest, EncodeWorkerData } from './encode-messages.js';

/** The compiled one, from sources too: a thread reads no TypeScript. */
const ENTRY = new URL('../../../dist/adapters/tokenizer/encode-worker.js', import.meta.url);
/** Of words and ids beside the vocabulary; a text that wants more is encoded by whoever asked. */
const HEAP_MB = 1024;
/** A vocabulary is tens of megabytes: it does not stay twice for a text now and then. */
const IDLE_MS = 60_000;

/**
 * A thread with a tokenizer of its own for texts that take hundreds of milliseconds, so that neither they nor the garbage they leave hold up
 * the steps of a model. It is there from the first such text until none came for a minute, and keeps no process alive.
 */
export class EncodeThread {
  readonly #tokenizer: EncodeWorkerData;
  readonly #idleMs: number;
  #worker: Worker | null = null;
  #idle: NodeJS.Timeout | undefined;
  #nextId = 0;
  readonly #waiting = new Map<number, (ids: Int32Array | null) => void>();

  constructor(tokenizer: EncodeWorkerData, idleMs = IDLE_MS) {
    this.#tokenizer = tokenizer;
    this.#idleMs = idleMs;
  }

  get isRunning(): boolean {
    return this.#worker !== null;
  }

  /** The ids; null where the thread failed, and the text has to be encoded here. */
  async encode(text: string, addSpecialTokens: boolean): Promise<Int32Array | null> {
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    worker.ref();
    const request: EncodeRequest = { id: this.#nextId++, text, addSpecialTokens };
    const ids = new Promise<Int32Array | null>((resolve) => this.#waiting.set(request.id, resolve));
    worker.postMessage(request);
    return ids;
  }

  #start(): Worker {
    const resourceLimits = { maxOldGenerationSizeMb: HEAP_MB };
    const worker = new Worker(ENTRY, { workerData: this.#tokenizer, env: {}, execArgv: [], resourceLimits });
    worker.on('message', ({ id, ids }: EncodeReply) => {
      this.#waiting.get(id)?.(ids);
      this.#waiting.delete(id);
      if (this.#waiting.size === 0) this.#rest(worker);
    });
    worker.on('error', () => this.#gone(worker)); // out of memory, or its files went away: whoever waits goes on by himself
    worker.on('exit', () => this.#gone(worker));
    return worker;
  }

  #rest(worker: Worker): void {
    worker.unref();
    this.#idle = setTimeout(() => void worker.terminate(), this.#idleMs).unref();
  }

  #gone(worker: Worker): void {
    if (this.#worker !== worker) return;
    this.#worker = null;
    for (const resolve of this.#waiting.values()) resolve(null);
    this.#waiting.clear();
  }
}
