import type { AgentContext } from '../../core/domain/agent.js';
import type { KvStore, StoreStatus, VerifyReport } from '../../core/ports.js';
import type { KvStoreLimits } from './options.js';
import { corruptionError, persistenceError } from './store-errors.js';

const NO_LIMITS: KvStoreLimits = { maxBytes: 0, minFreeBytes: 0, maxBytesPerDay: 0 };

/** Holds nothing and takes nothing: what is served when no store is configured, and until a configured one can be opened. */
export class NoStore implements KvStore {
  constructor(
    private readonly directory: string,
    private readonly limits: KvStoreLimits,
    /** Why a configured one cannot be opened; null where none is. */
    private readonly reason: string | null,
  ) {}

  status(): StoreStatus {
    const nothing = { agents: 0, blocks: 0, images: 0, extents: 0, bytes: 0, ownedBytes: 0, deadBytes: 0, quarantined: 0, evicted: 0 };
    return {
      directory: this.directory,
      state: this.reason === null ? 'off' : 'suspended',
      reason: this.reason,
      ...nothing,
      writtenBytes: 0,
      writtenTodayBytes: 0,
      limits: this.limits,
    };
  }

  get(): null {
    return null;
  }

  childrenOf(): readonly never[] {
    return [];
  }

  find(): readonly never[] {
    return [];
  }

  describe(): null {
    return null;
  }

  beginExtent(): Promise<never> {
    return this.#refuse('begin');
  }

  openImages(keys: readonly unknown[]): Promise<{ readonly images: readonly never[]; close(): Promise<void> }> {
    if (keys.length > 0) return Promise.reject(corruptionError('read', `wanted ${keys.length} images, but nothing is stored`));
    return Promise.resolve({ images: [], close: () => Promise.resolve() });
  }

  announce(): Promise<void> {
    return Promise.resolve();
  }

  quarantine(): Promise<void> {
    return Promise.resolve();
  }

  own(): Promise<void> {
    return Promise.resolve();
  }

  pin(): Promise<void> {
    return this.#unlessOff('pin');
  }

  disown(): Promise<void> {
    return this.#unlessOff('own');
  }

  discard(): Promise<void> {
    return Promise.resolve();
  }

  touch(): void {
    // nothing is stored that could be used
  }

  async purge(): Promise<{ readonly blocks: number; readonly bytes: number }> {
    await this.#unlessOff('purge');
    return this.ownedAlone();
  }

  ownedAlone(): { readonly blocks: number; readonly bytes: number } {
    return { blocks: 0, bytes: 0 };
  }

  agents(): readonly AgentContext[] {
    return [];
  }

  putAgent(): Promise<void> {
    return this.#refuse('agent');
  }

  dropAgent(): Promise<void> {
    return this.#unlessOff('agent');
  }

  verify(): Promise<VerifyReport> {
    return Promise.resolve({ blocks: 0, images: 0, bytes: 0, damaged: [] });
  }

  exportAgent(): Promise<never> {
    return this.#refuse('export');
  }

  importAgent(): Promise<never> {
    return this.#refuse('import');
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #refuse(what: string): Promise<never> {
    return Promise.reject(persistenceError(what, this.reason ?? 'no store is configured'));
  }

  /** Of a directory that cannot be opened nobody knows what it holds: nothing was changed in it. */
  #unlessOff(what: string): Promise<void> {
    return this.reason === null ? Promise.resolve() : this.#refuse(what);
  }
}

export function noStore(): KvStore {
  return new NoStore('', NO_LIMITS, null);
}
