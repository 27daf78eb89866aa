/** When models were last used, and the fingerprint their KV had then: what a daemon tells those who list models when it is gone. */
import { z } from 'zod';
import { readMemory, writeMemory } from '../files/memory-file.js';

const MEMORY = z.object({
  version: z.literal(1),
  models: z.record(z.string(), z.object({ usedAt: z.number(), fingerprint: z.string().nullable() })),
});

export interface Use {
  /** Seconds since 1970. */
  readonly usedAt: number;
  /** Of KV; null where it was never loaded. */
  readonly fingerprint: string | null;
}

export async function readUse(path: string): Promise<ReadonlyMap<string, Use>> {
  return new Map(Object.entries((await readMemory(path, MEMORY))?.models ?? {}));
}

/** Between two writes: a list of models may be so much behind. */
const WRITE_EVERY_MS = 10_000;

export class ModelUse {
  readonly #path: string;
  readonly #own = new Map<string, Use>();
  #writing: NodeJS.Timeout | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  loaded(id: string, fingerprint: string): void {
    this.#own.set(id, { usedAt: now(), fingerprint });
    this.#writeSoon();
  }

  used(id: string): void {
    this.#own.set(id, { fingerprint: this.#own.get(id)?.fingerprint ?? null, usedAt: now() });
    this.#writeSoon();
  }

  /** Null where it was not used since this daemon started. */
  get(id: string): Use | null {
    return this.#own.get(id) ?? null;
  }

  async close(): Promise<void> {
    if (this.#writing !== null) clearTimeout(this.#writing);
    this.#writing = null;
    await this.#write();
  }

  #writeSoon(): void {
    this.#writing ??= setTimeout(() => {
      this.#writing = null;
      void this.#write();
    }, WRITE_EVERY_MS).unref();
  }

  /** Beside what others have written. */
  async #write(): Promise<void> {
    if (this.#own.size === 0) return;
    const models = { ...Object.fromEntries(await readUse(this.#path)), ...Object.fromEntries(this.#own) };
    await writeMemory(this.#path, { version: 1, models });
  }
}

function now(): number {
  return Math.floor(Date.now() / 1000);
}
