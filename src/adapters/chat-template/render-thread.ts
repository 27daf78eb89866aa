import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { SemanticError } from '../../core/domain/errors.js';
import { pythonSemantics } from './python-semantics.js';
import type { RenderReply, RenderWorkerData } from './render-messages.js';
import { renderWorker } from './render-worker.js';
import type { ChatTemplates } from './template-source.js';

/** Heap of the thread in MB: enough for a 10 MB conversation, too little to harm the daemon. */
const HEAP_MB = 192;
const STACK_MB = 4;
/** Loading the Jinja package and parsing takes about 30 ms; this is for a machine that is very busy. */
const START_LIMIT_MS = 30_000;

const SOURCE = `(${renderWorker.toString()})(require('node:worker_threads'), require, ${pythonSemantics.toString()})`;
const jinja = createRequire(import.meta.url).resolve('@huggingface/jinja');

/** One worker thread with its templates parsed. It serves one render at a time and dies with the first that overruns. */
export class RenderThread {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  #waiting: { readonly id: number; resolve(text: string): void; reject(error: Error): void } | null = null;
  #nextId = 0;
  #dead = false;

  constructor(templates: ChatTemplates) {
    const workerData: RenderWorkerData = { jinja, templates };
    this.#worker = new Worker(SOURCE, {
      eval: true,
      workerData,
      env: {},
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB, stackSizeMb: STACK_MB },
    });
    this.ready = this.#start();
    this.ready.catch(() => undefined); // whoever awaits it learns; nobody has to
  }

  get isDead(): boolean {
    return this.#dead;
  }

  async render(variables: Readonly<Record<string, unknown>>, toolUse: boolean, limitMs: number): Promise<string> {
    await this.ready;
    const id = this.#nextId++;
    this.#worker.ref();
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<string>((resolve, reject) => {
        if (this.#dead) return reject(failed('the renderer was closed'));
        this.#waiting = { id, resolve, reject };
        const overrun = (): void => {
          if (this.#waiting?.id !== id) return;
          reject(failed(`rendering took longer than ${limitMs} ms and was stopped`));
          void this.close();
        };
        // Where this thread was busy for so long, the text may be there and not yet read: messages are read before immediates run.
        timer = setTimeout(() => setImmediate(overrun), limitMs);
        try {
          this.#worker.postMessage({ id, toolUse, variables });
        } catch (cause) {
          reject(failed(`wanted messages and variables of plain data: ${describe(cause)}`, cause));
        }
      });
    } finally {
      clearTimeout(timer);
      this.#waiting = null;
      this.#worker.unref(); // an idle renderer keeps no process alive
    }
  }

  async close(): Promise<void> {
    this.#dead = true;
    this.#waiting?.reject(failed('the renderer was closed'));
    await this.#worker.terminate();
  }

  #start(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(failed(`the renderer did not start within ${START_LIMIT_MS} ms`));
        void this.close();
      }, START_LIMIT_MS);
      this.#worker.on('message', (message: RenderReply) => {
        clearTimeout(timer);
        if (message.kind === 'ready') {
          this.#worker.unref();
          resolve();
        } else if (message.kind === 'invalid') {
          reject(invalid(message.message));
          void this.close();
        } else this.#settle(message);
      });
      this.#worker.on('error', (error) => {
        this.#dead = true;
        clearTimeout(timer);
        const reason = failed(describeCrash(error), error);
        reject(reason);
        this.#waiting?.reject(reason);
      });
      this.#worker.on('exit', () => {
        this.#dead = true;
        clearTimeout(timer);
        reject(failed('the renderer was closed'));
        this.#waiting?.reject(failed('the renderer ended'));
      });
    });
  }

  #settle(message: Extract<RenderReply, { id: number }>): void {
    if (this.#waiting?.id !== message.id) return;
    if (message.kind === 'rendered') this.#waiting.resolve(message.text);
    else this.#waiting.reject(failed(message.message));
  }
}

function describeCrash(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return `rendering needed more than ${HEAP_MB} MB of memory and was stopped`;
  return `the renderer crashed: ${describe(error)}`;
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function failed(message: string, cause?: unknown): SemanticError {
  return new SemanticError('TemplateFailed', `[chat_template.render] ${message}`, {
    param: 'messages',
    hint: 'Check the roles and their order: many templates want system first, then user and assistant in turns.',
    ...(cause === undefined ? {} : { cause }),
  });
}

function invalid(message: string): SemanticError {
  return new SemanticError('ModelUnsupported', `[chat_template.parse] the chat template of the model cannot be parsed: ${message}`, {
    hint: 'Put a corrected chat_template.jinja into the model folder, or take the model from another publisher.',
  });
}
