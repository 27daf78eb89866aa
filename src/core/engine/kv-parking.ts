/**
 * KV on its way to disk and back. A turn writes the blocks that are not stored yet, in the background and while its sequence goes on; a
 * prompt whose start is stored is read back instead of prefilled. What fails its checksum is put aside, and prefilled again.
 */
import { AgentBlocks } from '../domain/agent-blocks.js';
import { agentOfSession } from '../domain/agent.js';
import { type BlockLease, type BlockPool, countsOf } from '../domain/block-pool.js';
import { chainStartOf } from '../domain/cache-key.js';
import { codeOf, SemanticError } from '../domain/errors.js';
import { joinTokens } from '../domain/join-tokens.js';
import type { KvBlock, KvImageKey } from '../domain/kv-block.js';
import { BLOCK_TOKENS, type ModelCacheSpec } from '../domain/model-cache-spec.js';
import type { RequestStage } from '../domain/request-stage.js';
import type { TraceParent } from '../domain/trace-parent.js';
import { planRestore, type RestorePlan } from '../domain/restore-plan.js';
import { GREEDY } from '../domain/sampling.js';
import { supersededBy } from '../domain/superseded.js';
import type { EngineObserver, KvMover, KvStore, ModelRunner } from '../ports.js';
import { sha256 } from './sha256.js';

export interface ParkingLimits {
  /** Images that one extent takes, at most. */
  readonly extentBytes: number;
  /** Shorter sequences of nobody are not worth a file. */
  readonly minPersistTokens: number;
  /** So many tokens must come from disk for reading to be worth its while. */
  readonly minRestoreTokens: number;
  /** KV of one API key serves another's requests. */
  readonly shareAcrossKeys: boolean;
}

export interface ParkingOptions {
  readonly runner: ModelRunner & KvMover;
  readonly store: KvStore;
  readonly cache: ModelCacheSpec;
  readonly pool: BlockPool;
  readonly fingerprint: string;
  readonly limits: ParkingLimits;
  readonly observer?: EngineObserver;
}

/** A sequence at rest whose KV is to be stored. */
export interface Parcel {
  readonly sequence: number;
  readonly lease: BlockLease;
  readonly tokens: Int32Array;
  readonly scope: string;
  /** Who uses the blocks; null = nobody in particular. */
  readonly owner: string | null;
  /** Of the request that it is written for. */
  readonly trace?: TraceParent;
}

interface NewImage extends KvImageKey {
  readonly block: KvBlock;
  readonly layers: Int32Array;
  readonly bytes: number;
}

export class KvParking {
  readonly #options: ParkingOptions;
  readonly #starts = new Map<string, string>();
  /** The chain of each owner as of its last turn, so that a turn hashes only what is new. */
  readonly #chains = new Map<string, AgentBlocks>();
  #tail: Promise<unknown> = Promise.resolve();
  /** Leases of sequences that are being written. */
  readonly #leases = new Set<BlockLease>();
  #pending = 0;
  #lastFailure: string | null = null;

  constructor(options: ParkingOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#pending;
  }

  /** Why the last write failed; null after one that did not. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  /** Blocks that sequences hold while they are written. */
  leases(): Iterable<BlockLease> {
    return this.#leases;
  }

  chain(tokens: Int32Array, scope: string, owner: string | null = null): AgentBlocks {
    const key = owner === null ? null : `${scope}\n${owner}`;
    const before = key === null ? undefined : this.#chains.get(key);
    const chain = before?.extendedTo(tokens) ?? AgentBlocks.of(this.#start(scope), tokens, sha256);
    if (key !== null) this.#remember(key, chain);
    return chain;
  }

  /** What of `prompt` is on disk beyond the first `memoryTokens`, if reading it is worth its while. */
  plan(prompt: Int32Array, scope: string, memoryTokens: number): RestorePlan | null {
    const { store, cache, limits } = this.#options;
    if (prompt.length - memoryTokens <= limits.minRestoreTokens || store.status().blocks === 0) return null;
    const chain = this.chain(prompt, scope);
    const plan = planRestore({ prompt: chain, maxTokens: prompt.length - 1, from: this.base(memoryTokens), spec: cache, lookup: store });
    return plan !== null && plan.tokens >= memoryTokens + limits.minRestoreTokens ? plan : null;
  }

  /** A prompt that goes on from `tokens` is on its way: what of them is only on disk is read while it is rendered and encoded. */
  announce(tokens: Int32Array, scope: string, memoryTokens: number): void {
    const plan = this.plan(tokens, scope, memoryTokens);
    if (plan !== null) void this.#options.store.announce(plan.images);
  }

  /** Of the tokens that a sequence in memory shares, those that need not be read: whole blocks, where no layer forgets. */
  base(memoryTokens: number): number {
    return this.#options.cache.isWindowed ? 0 : Math.floor(memoryTokens / BLOCK_TOKENS) * BLOCK_TOKENS;
  }

  /**
   * Appends what `plan` says to a sequence that holds the tokens before it; afterwards the sequence holds `plan.tokens`. False when an
   * image was damaged: it was put aside, the sequence is as it was, and another plan may be made.
   */
  async restore(sequence: number, plan: RestorePlan): Promise<boolean> {
    const { runner, store, cache } = this.#options;
    const tokens = joinTokens(plan.blocks.map((block) => block.tokens));
    let images: Awaited<ReturnType<KvStore['openImages']>>;
    try {
      images = await store.openImages(plan.images);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      return false;
    }
    try {
      const saved = plan.images.map(({ index, count, kind }, i) => {
        const { fd, offset, seed, checksum } = images.images[i]!;
        return { start: index * BLOCK_TOKENS, count, layers: Int32Array.from(cache.kinds[kind]!.layerIndices), fd, offset, seed, checksum };
      });
      await runner.loadKv(sequence, tokens, saved, plan.tokens);
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      const damaged = damagedImage(error);
      // Where the disk refuses to note it down, memory has forgotten the image all the same.
      if (damaged !== null) await store.quarantine(plan.images[damaged]!, error.message).catch(() => undefined);
      return false;
    } finally {
      await images.close();
    }
    store.touch(plan.blocks.map(({ hash }) => hash));
    return true;
  }

  /**
   * Stores what is new of a sequence at rest. It is held as by a fork before this resolves, so the sequence may go on, be cut or
   * dropped; `done` resolves to the bytes written when all is committed.
   */
  async park(parcel: Parcel): Promise<{ readonly done: Promise<number> }> {
    const { runner, pool } = this.#options;
    const { tokens, scope, owner, trace } = parcel;
    const chain = this.chain(tokens, scope, owner);
    if (this.#missing(chain).length === 0) return { done: this.#enqueue(() => this.#own(chain, owner).then(() => 0)) };
    // Before anything is waited for: whoever evicts the sequence meanwhile frees its lease.
    const lease = pool.fork(parcel.lease, countsOf(parcel.lease));
    this.#leases.add(lease);
    const { sequence } = await runner.forkSequence(parcel.sequence, tokens.length, GREEDY).catch((error: unknown) => {
      this.#leases.delete(lease);
      pool.free(lease);
      throw error;
    });
    const done = this.#enqueue(async () => {
      const since = performance.now();
      try {
        const bytes = await this.#write(sequence, chain, owner);
        this.#options.observer?.persisted(performance.now() - since, bytes);
        this.#tell(trace, owner, since, { counts: { bytes }, outcome: 'ok' });
        return bytes;
      } catch (error) {
        this.#tell(trace, owner, since, { counts: {}, outcome: codeOf(error) });
        throw error;
      } finally {
        this.#leases.delete(lease);
        pool.free(lease);
        await runner.dropSequence(sequence);
      }
    });
    return { done };
  }

  #tell(trace: TraceParent | undefined, owner: string | null, startMs: number, end: Pick<RequestStage, 'counts' | 'outcome'>): void {
    if (trace === undefined) return;
    const agent = agentOfSession(owner);
    this.#options.observer?.stage({
      trace,
      name: 'persist',
      startMs,
      endMs: performance.now(),
      generation: null,
      agent,
      reason: null,
      ...end,
    });
  }

  /** Whether a sequence of these tokens is worth storing. */
  isWorthParking(tokens: Int32Array, owner: string | null): boolean {
    if (this.#options.store.status().state === 'off') return false;
    return owner !== null || tokens.length >= this.#options.limits.minPersistTokens;
  }

  /** `owner` uses from now on what is stored of these tokens. */
  adopt(tokens: Int32Array, scope: string, owner: string): void {
    const chain = this.chain(tokens, scope, owner);
    void this.#enqueue(() => this.#own(chain, owner).then(() => 0)).catch(() => undefined);
  }

  /** Resolves when all that was parked is stored, or has failed. */
  async flush(): Promise<void> {
    while (this.#pending > 0) await this.#tail;
  }

  /** How many of the first tokens of a chain could be restored at its end. */
  storedTokens(chain: AgentBlocks): number {
    return this.wholePlan(chain)?.tokens ?? 0;
  }

  /** What is stored of a chain, from its first token on. */
  wholePlan(chain: AgentBlocks): RestorePlan | null {
    const { store, cache } = this.#options;
    return planRestore({ prompt: chain, maxTokens: chain.tokens.length, from: 0, spec: cache, lookup: store });
  }

  #start(scope: string): string {
    const { fingerprint, limits } = this.#options;
    const name = limits.shareAcrossKeys ? '' : scope;
    let start = this.#starts.get(name);
    if (start === undefined) {
      start = chainStartOf({ fingerprint, scope: name }, sha256);
      this.#starts.set(name, start);
    }
    return start;
  }

  #remember(key: string, chain: AgentBlocks): void {
    this.#chains.delete(key);
    this.#chains.set(key, chain);
    if (this.#chains.size > MAX_CHAINS) this.#chains.delete(this.#chains.keys().next().value!);
  }

  /** Writes are made one after another; a failing one does not keep the next from trying. */
  #enqueue(work: () => Promise<number>): Promise<number> {
    this.#pending += 1;
    const done = this.#tail.then(work).finally(() => (this.#pending -= 1));
    this.#tail = done.catch((error: unknown) => (this.#lastFailure = (error as Error).message));
    return done;
  }

  #missing(chain: AgentBlocks): NewImage[] {
    const { store, cache, runner } = this.#options;
    return chain.imagesAt(chain.tokens.length, cache).flatMap(({ index, kind }) => {
      const block = chain.blocks[index]!;
      if (store.get(block.hash)?.kinds.includes(kind) === true) return [];
      const layers = Int32Array.from(cache.kinds[kind]!.layerIndices);
      return [{ hash: block.hash, kind, block, layers, bytes: runner.kvImageBytes(block.tokens.length, layers) }];
    });
  }

  async #write(sequence: number, chain: AgentBlocks, owner: string | null): Promise<number> {
    let bytes = 0;
    const missing = this.#missing(chain);
    for (const images of this.#extents(missing)) bytes += await this.#writeExtent(sequence, images, owner);
    await this.#own(chain, owner);
    await this.#discardOlder(new Set(missing.map(({ block }) => block)), owner);
    this.#lastFailure = null;
    return bytes;
  }

  async #writeExtent(sequence: number, images: readonly NewImage[], owner: string | null): Promise<number> {
    const { runner, store, fingerprint } = this.#options;
    const writer = await store.beginExtent(images, fingerprint);
    try {
      const checksums = await runner.saveKv(
        sequence,
        writer.fd,
        images.map(({ block, layers }, i) => ({
          start: block.index * BLOCK_TOKENS,
          count: block.tokens.length,
          layers,
          ...writer.places[i]!,
        })),
      );
      await writer.commit(checksums, owner);
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    return images.reduce((sum, image) => sum + image.bytes, 0);
  }

  /** What was stored of these blocks when they had fewer tokens. */
  async #discardOlder(blocks: ReadonlySet<KvBlock>, owner: string | null): Promise<void> {
    const { store } = this.#options;
    const older = [...blocks].flatMap(({ hash, parent }) => {
      const stored = store.get(hash);
      return stored === null ? [] : supersededBy(stored, store.childrenOf(parent));
    });
    if (older.length === 0) return;
    await store.discard(
      owner,
      older.map(({ hash }) => hash),
    );
  }

  async #own(chain: AgentBlocks, owner: string | null): Promise<void> {
    const { store } = this.#options;
    const stored = chain.blocks.map(({ hash }) => hash).filter((hash) => store.get(hash) !== null);
    if (owner === null) store.touch(stored);
    else await store.own(owner, stored);
  }

  *#extents(images: readonly NewImage[]): Generator<NewImage[], void, undefined> {
    let extent: NewImage[] = [];
    let bytes = 0;
    for (const image of images) {
      if (extent.length > 0 && bytes + image.bytes > this.#options.limits.extentBytes) {
        yield extent;
        extent = [];
        bytes = 0;
      }
      extent.push(image);
      bytes += image.bytes;
    }
    if (extent.length > 0) yield extent;
  }
}

const MAX_CHAINS = 1024;

/** What was stored is damaged, gone, or not to be had from the disk now: it is prefilled again. */
function isUnreadable(error: unknown): error is SemanticError {
  return error instanceof SemanticError && (error.code === 'CacheCorruption' || error.code === 'CachePersistence');
}

/** Index of the image that the error is about; null where it names none. */
function damagedImage({ code, cause }: SemanticError): number | null {
  return code === 'CacheCorruption' ? ((cause as { readonly image?: number } | undefined)?.image ?? null) : null;
}
