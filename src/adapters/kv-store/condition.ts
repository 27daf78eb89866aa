import type { StoreLog } from './options.js';

/** `disk`: it refused a read or write, a probe says when that is over. `governor`: each attempt asks anew. */
export type SuspensionCause = 'disk' | 'governor';

/** Whether the store may write. While the disk refuses, a probe runs every `retrySeconds` until it passes. */
export class Condition {
  #suspension: { readonly cause: SuspensionCause; readonly reason: string } | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isClosed = false;

  constructor(
    private readonly retrySeconds: number,
    private readonly log: StoreLog,
    /** Rejects while the condition lasts. */
    private readonly probe: () => Promise<void>,
  ) {}

  get reason(): string | null {
    return this.#suspension?.reason ?? null;
  }

  /** Why nothing may be tried at all; null while ready, and where only the governor refused. */
  get diskReason(): string | null {
    return this.#suspension?.cause === 'disk' ? this.#suspension.reason : null;
  }

  suspend(cause: SuspensionCause, reason: string): void {
    const before = this.#suspension;
    if (before?.cause === 'disk' && cause === 'governor') return;
    this.#suspension = { cause, reason };
    if (before?.cause !== cause) this.log('warn', 'kv store: suspended, serving goes on in memory', { reason });
    if (cause === 'disk') this.#schedule();
  }

  /** What was refused by the governor passes again. */
  admit(): void {
    if (this.#suspension?.cause === 'governor') this.#resume();
  }

  close(): void {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
  }

  #resume(): void {
    this.#suspension = null;
    this.log('info', 'kv store: writing again', {});
  }

  #schedule(): void {
    if (this.#timer !== null || this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#retry(), this.retrySeconds * 1000);
    this.#timer.unref();
  }

  async #retry(): Promise<void> {
    try {
      await this.probe();
      this.#timer = null;
      if (!this.#isClosed) this.#resume();
    } catch {
      this.#timer = null;
      this.#schedule();
    }
  }
}
