import type { AgentContext } from '../../core/domain/agent.js';
import type { BlockHash } from '../../core/domain/block-hash.js';
import type { KvImageKey } from '../../core/domain/kv-block.js';
import type { ExtentWriter, KvStore, NewKvImage, OpenKvImage, StoredBlock, StoreStatus, VerifyReport } from '../../core/ports.js';
import { announceImages } from './announce-images.js';
import { dropAgent, putAgent } from './agents.js';
import { beginExtent } from './begin-extent.js';
import { type BlockEntry, storedBlock } from './catalogue.js';
import { closeCore } from './close-core.js';
import { compactOnce } from './compaction.js';
import { exportAgent } from './export-agent.js';
import { importAgent, type Accept } from './import-agent.js';
import { openImages } from './open-images.js';
import { ownerRows, planOwnership } from './ownership.js';
import { ownedAlone, purge, sizeOfBlocks } from './purge.js';
import { quarantineImage } from './quarantine.js';
import { removeBlocks } from './remove-images.js';
import type { StoreCore } from './store-core.js';
import { describe } from './store-errors.js';
import { verifyStore } from './verify.js';

/** The store over an open directory: each call goes to its verb, those that change something one after the other. */
export class DiskStore implements KvStore {
  #compaction: Promise<void> | null = null;
  #announced: Promise<void> | null = null;

  constructor(private readonly core: StoreCore) {
    this.#compactSoon();
  }

  status(): StoreStatus {
    const { catalogue, condition, evicted, governor, options, paths, quarantined } = this.core;
    return {
      directory: paths.directory,
      state: condition.reason === null ? 'ready' : 'suspended',
      reason: condition.reason,
      agents: catalogue.agents.size,
      blocks: catalogue.blocks.size,
      images: catalogue.imageCount,
      extents: catalogue.extents.size,
      bytes: catalogue.imageBytes,
      ownedBytes: catalogue.ownedBytes,
      deadBytes: catalogue.deadBytes,
      quarantined,
      evicted,
      writtenBytes: governor.writtenBytes,
      writtenTodayBytes: governor.day.bytes,
      limits: options.limits,
    };
  }

  get(hash: BlockHash): StoredBlock | null {
    const block = this.core.catalogue.blocks.get(hash);
    return block === undefined ? null : storedBlock(block);
  }

  childrenOf(parent: BlockHash): readonly StoredBlock[] {
    return this.core.catalogue.childrenOf(parent).map(storedBlock);
  }

  find(digits: string): readonly StoredBlock[] {
    return [...this.core.catalogue.blocks.values()].filter(({ hash }) => hash.startsWith(digits)).map(storedBlock);
  }

  describe(hash: BlockHash): ReturnType<KvStore['describe']> {
    const block = this.core.catalogue.blocks.get(hash);
    if (block === undefined) return null;
    const images = [...block.images.values()].map(({ kind, bytes, extent }) => ({ kind, bytes, extent: extent.id }));
    return { owners: [...block.owners].sort(), images };
  }

  async beginExtent(images: readonly NewKvImage[], fingerprint: string): Promise<ExtentWriter> {
    const writer = await beginExtent(this.core, images, fingerprint);
    this.#compactSoon(); // room may have been made
    return writer;
  }

  openImages(keys: readonly KvImageKey[]): Promise<{ readonly images: readonly OpenKvImage[]; close(): Promise<void> }> {
    return openImages(this.core, keys);
  }

  announce(keys: readonly KvImageKey[]): Promise<void> {
    // One at a time: where many ask at once their reads would only push one another's pages out.
    this.#announced ??= announceImages(this.core, keys).finally(() => (this.#announced = null));
    return this.#announced;
  }

  async quarantine(key: KvImageKey, reason: string): Promise<void> {
    await this.#alone(() => quarantineImage(this.core, key, reason));
  }

  own(owner: string, hashes: readonly BlockHash[]): Promise<void> {
    return this.core.turnstile.enter(async () => {
      const change = planOwnership(
        this.core,
        owner,
        hashes.filter((hash) => this.core.catalogue.blocks.has(hash)),
      );
      if (change === null) return;
      this.core.assertWritable('own');
      await this.core.transact('own', change.puts, change.deletes);
      change.apply();
    });
  }

  pin(owner: string, pinned: boolean): Promise<void> {
    return this.core.turnstile.enter(async () => {
      const { core } = this;
      const row = core.catalogue.owners.get(owner)?.pin ?? null;
      if ((row !== null) === pinned) return;
      core.assertWritable('pin');
      const pin = pinned ? core.newRow() : null;
      if (pin === null) await core.transact('pin', new Map(), [row!]);
      else await core.transact('pin', new Map([[pin, { type: 'pin', owner }]]), []);
      core.catalogue.owner(owner).pin = pin;
    });
  }

  disown(owner: string): Promise<void> {
    return this.core.turnstile.enter(async () => {
      await this.core.transact('own', new Map(), ownerRows(this.core, owner));
      this.core.catalogue.dropOwner(owner);
    });
  }

  discard(owner: string | null, hashes: readonly BlockHash[]): Promise<void> {
    return this.#alone(async () => {
      const { catalogue } = this.core;
      const goes = (block: BlockEntry): boolean => catalogue.isLeaf(block) && [...block.owners].every((other) => other === owner);
      const blocks = hashes.flatMap((hash) => catalogue.blocks.get(hash) ?? []).filter(goes);
      if (blocks.length > 0) await removeBlocks(this.core, 'discard', blocks);
    });
  }

  touch(hashes: readonly BlockHash[]): void {
    for (const hash of hashes) {
      const block = this.core.catalogue.blocks.get(hash);
      if (block !== undefined) this.core.catalogue.touch(block);
    }
  }

  purge(owner: string): Promise<{ readonly blocks: number; readonly bytes: number }> {
    return this.core.turnstile.enter(() => purge(this.core, owner));
  }

  ownedAlone(owner: string): { readonly blocks: number; readonly bytes: number } {
    return sizeOfBlocks(ownedAlone(this.core, owner));
  }

  agents(): readonly AgentContext[] {
    return [...this.core.catalogue.agents.values()].map(({ agent }) => agent);
  }

  putAgent(agent: AgentContext): Promise<void> {
    return this.core.turnstile.enter(async () => {
      this.core.assertWritable('agent');
      await putAgent(this.core, agent);
    });
  }

  dropAgent(id: string): Promise<void> {
    return this.core.turnstile.enter(() => dropAgent(this.core, id));
  }

  async verify(onProgress?: (done: number, total: number) => void): Promise<VerifyReport> {
    const report = await verifyStore(this.core, onProgress);
    this.#compactSoon();
    return report;
  }

  exportAgent(
    agent: AgentContext,
    images: readonly KvImageKey[],
  ): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }> {
    return exportAgent(this.core, agent, images);
  }

  importAgent(file: AsyncIterable<Uint8Array>, accept: Accept): Promise<AgentContext> {
    return importAgent(this.core, file, accept);
  }

  async close(): Promise<void> {
    await closeCore(this.core, async () => {
      await this.#announced;
      await this.#compaction;
    });
  }

  async #alone(work: () => Promise<void>): Promise<void> {
    await this.core.turnstile.enter(work);
    this.#compactSoon();
  }

  /** In the background, one extent's worth at a time, so that writers get their turn in between. */
  #compactSoon(): void {
    this.#compaction ??= this.#compact().finally(() => (this.#compaction = null));
  }

  async #compact(): Promise<void> {
    try {
      while (await compactOnce(this.core));
    } catch (error) {
      this.core.options.log('warn', 'kv store: compaction failed and will be tried again', { error: describe(error) });
    }
  }
}
