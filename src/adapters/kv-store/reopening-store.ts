import type { KvStore } from '../../core/ports.js';
import { NoStore } from './no-store.js';
import type { KvStoreOptions } from './options.js';
import { describe } from './store-errors.js';

type ArgumentsOf<K extends keyof KvStore> = Parameters<KvStore[K]>;

/** Stands in for a store that cannot be opened, tries again now and then, and passes on to it from then on. */
export class ReopeningStore implements KvStore {
  #store: KvStore;
  #timer: NodeJS.Timeout | null = null;
  #attempt: Promise<void> | null = null;
  #isClosed = false;

  constructor(
    private readonly options: KvStoreOptions,
    private readonly open: () => Promise<KvStore>,
    error: unknown,
  ) {
    this.#store = this.#standIn(error);
    options.log('warn', 'kv store: cannot be opened, serving goes on in memory', { directory: options.directory, reason: describe(error) });
    this.#schedule();
  }

  status(): ReturnType<KvStore['status']> {
    return this.#store.status();
  }
  get(...of: ArgumentsOf<'get'>): ReturnType<KvStore['get']> {
    return this.#store.get(...of);
  }
  childrenOf(...of: ArgumentsOf<'childrenOf'>): ReturnType<KvStore['childrenOf']> {
    return this.#store.childrenOf(...of);
  }
  find(...of: ArgumentsOf<'find'>): ReturnType<KvStore['find']> {
    return this.#store.find(...of);
  }
  describe(...of: ArgumentsOf<'describe'>): ReturnType<KvStore['describe']> {
    return this.#store.describe(...of);
  }
  beginExtent(...of: ArgumentsOf<'beginExtent'>): ReturnType<KvStore['beginExtent']> {
    return this.#store.beginExtent(...of);
  }
  openImages(...of: ArgumentsOf<'openImages'>): ReturnType<KvStore['openImages']> {
    return this.#store.openImages(...of);
  }
  announce(...of: ArgumentsOf<'announce'>): Promise<void> {
    return this.#store.announce(...of);
  }
  quarantine(...of: ArgumentsOf<'quarantine'>): ReturnType<KvStore['quarantine']> {
    return this.#store.quarantine(...of);
  }
  own(...of: ArgumentsOf<'own'>): ReturnType<KvStore['own']> {
    return this.#store.own(...of);
  }
  pin(...of: ArgumentsOf<'pin'>): ReturnType<KvStore['pin']> {
    return this.#store.pin(...of);
  }
  disown(...of: ArgumentsOf<'disown'>): ReturnType<KvStore['disown']> {
    return this.#store.disown(...of);
  }
  discard(...of: ArgumentsOf<'discard'>): ReturnType<KvStore['discard']> {
    return this.#store.discard(...of);
  }
  touch(...of: ArgumentsOf<'touch'>): ReturnType<KvStore['touch']> {
    this.#store.touch(...of);
  }
  purge(...of: ArgumentsOf<'purge'>): ReturnType<KvStore['purge']> {
    return this.#store.purge(...of);
  }
  ownedAlone(...of: ArgumentsOf<'ownedAlone'>): ReturnType<KvStore['ownedAlone']> {
    return this.#store.ownedAlone(...of);
  }
  agents(): ReturnType<KvStore['agents']> {
    return this.#store.agents();
  }
  putAgent(...of: ArgumentsOf<'putAgent'>): ReturnType<KvStore['putAgent']> {
    return this.#store.putAgent(...of);
  }
  dropAgent(...of: ArgumentsOf<'dropAgent'>): ReturnType<KvStore['dropAgent']> {
    return this.#store.dropAgent(...of);
  }
  verify(...of: ArgumentsOf<'verify'>): ReturnType<KvStore['verify']> {
    return this.#store.verify(...of);
  }
  exportAgent(...of: ArgumentsOf<'exportAgent'>): ReturnType<KvStore['exportAgent']> {
    return this.#store.exportAgent(...of);
  }
  importAgent(...of: ArgumentsOf<'importAgent'>): ReturnType<KvStore['importAgent']> {
    return this.#store.importAgent(...of);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await this.#attempt;
    await this.#store.close();
  }

  #standIn(error: unknown): NoStore {
    return new NoStore(this.options.directory, this.options.limits, describe(error));
  }

  #schedule(): void {
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void (this.#attempt = this.#retry()), this.options.retrySeconds * 1000);
    this.#timer.unref();
  }

  async #retry(): Promise<void> {
    try {
      this.#store = await this.open();
      this.options.log('info', 'kv store: opened', { directory: this.options.directory });
    } catch (error) {
      this.#store = this.#standIn(error);
      this.#schedule();
    }
  }
}
