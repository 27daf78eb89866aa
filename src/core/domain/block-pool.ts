/**
 * The budget of KV memory in blocks of 256 tokens. It hands out numbered blocks of every layer kind, all that was asked
 * for or none, and refuses with PoolExhausted. Leases may share blocks: what several hold counts once, and comes back with the
 * last of them. It knows no prefixes, no sequences and no order of eviction.
 *
 * Kinds draw on the same bytes; each may have a bound of its own besides. used + free = total, in bytes, always.
 */
import { SemanticError } from './errors.js';
import type { BlockCounts, ModelCacheSpec } from './model-cache-spec.js';
import { poolPressure, type PoolPressure } from './pool-pressure.js';

export interface PoolBudget {
  readonly bytes: number;
  /** Most blocks of each kind; null = as many as the bytes allow. */
  readonly maxBlocks?: readonly (number | null)[];
}

export interface PoolCounts {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly freeBytes: number;
  readonly pressure: PoolPressure;
  readonly kinds: readonly {
    readonly window: number | null;
    readonly layers: number;
    readonly blockBytes: number;
    readonly total: number;
    readonly used: number;
  }[];
}

/** Blocks in one owner's hand: per kind the numbers of those it holds, in the order of their tokens. Only the pool changes it. */
export interface BlockLease {
  readonly blocks: readonly (readonly number[])[];
}

interface Kind {
  total: number;
  used: number;
  /** By number: how many leases hold it. */
  readonly holders: number[];
  /** Numbers that were handed out once and came back. */
  readonly returned: number[];
  /** Numbers from here on were never handed out. */
  next: number;
}

export class BlockPool {
  #spec: ModelCacheSpec;
  #totalBytes: number;
  #usedBytes = 0;
  #kinds: readonly Kind[];
  readonly #leases = new Map<BlockLease, number[][]>();

  constructor(spec: ModelCacheSpec, budget: PoolBudget) {
    this.#spec = spec;
    this.#totalBytes = budget.bytes;
    this.#kinds = emptyKinds(spec, budget);
  }

  /** For another model, or another budget. Throws ModelSwap while blocks are in use; nothing changes then. */
  reconfigure(spec: ModelCacheSpec, budget: PoolBudget): void {
    if (this.#leases.size > 0) {
      throw new SemanticError('ModelSwap', `[block_pool] wanted an empty pool, ${this.#leases.size} leases hold ${this.#usedBytes} bytes`, {
        hint: 'Let running requests end and park the agents first.',
      });
    }
    this.#spec = spec;
    this.#totalBytes = budget.bytes;
    this.#kinds = emptyKinds(spec, budget);
  }

  /** Other bytes for the same model; blocks in use stay. Throws PoolExhausted where they take more; nothing changes then. */
  setBudget(budget: PoolBudget): void {
    const kinds = emptyKinds(this.#spec, budget);
    const fits = this.#usedBytes <= budget.bytes && this.#kinds.every(({ used }, i) => used <= kinds[i]!.total);
    if (!fits) {
      const message = `[block_pool] wanted to do with ${budget.bytes} bytes, ${this.#usedBytes} are in use`;
      throw new SemanticError('PoolExhausted', message, { hint: 'Try again when running requests have ended.' });
    }
    this.#totalBytes = budget.bytes;
    this.#kinds.forEach((kind, i) => (kind.total = kinds[i]!.total));
  }

  /** Whether `allocate(counts)` would succeed if `given` blocks came back first. Never mutates. */
  canAllocate(counts: BlockCounts, given: BlockCounts = []): boolean {
    const used = this.#usedBytes - this.#spec.bytesOf(given) + this.#spec.bytesOf(counts);
    return used <= this.#totalBytes && this.#kinds.every((kind, i) => kind.used - (given[i] ?? 0) + (counts[i] ?? 0) <= kind.total);
  }

  /** Whether the whole pool is large enough. Never mutates. */
  canEverAllocate(counts: BlockCounts): boolean {
    return this.canAllocate(counts, this.#used());
  }

  /** Whether `resize` would succeed if `given` blocks came back first. Never mutates. */
  canResize(lease: BlockLease, counts: BlockCounts, keep: BlockCounts = countsOf(lease), given: BlockCounts = []): boolean {
    const more = this.#kinds.map((_, i) => this.#wantedOf(lease, i, counts[i] ?? 0, keep[i] ?? 0));
    return this.canAllocate(more, given);
  }

  /** Throws PoolExhausted, and then has taken nothing. */
  allocate(counts: BlockCounts): BlockLease {
    if (!this.canAllocate(counts)) throw this.#exhausted(counts);
    const blocks = this.#kinds.map((): number[] => []);
    const lease: BlockLease = { blocks };
    this.#leases.set(lease, blocks);
    this.#fill(blocks, counts);
    return lease;
  }

  /** A second holder of the first `keep` blocks of each kind (at most what is there); it takes none. */
  fork(lease: BlockLease, keep: BlockCounts): BlockLease {
    const blocks = this.#held(lease).map((numbers, i) => numbers.slice(0, keep[i] ?? 0));
    blocks.forEach((numbers, i) => numbers.forEach((number) => (this.#kinds[i]!.holders[number]! += 1)));
    const fork: BlockLease = { blocks };
    this.#leases.set(fork, blocks);
    return fork;
  }

  /**
   * Gives blocks back, or takes more, until the lease holds `counts`; of these all but the first `keep` become its own alone, since it
   * is going to write them. Throws PoolExhausted, and then has changed nothing.
   */
  resize(lease: BlockLease, counts: BlockCounts, keep: BlockCounts = countsOf(lease)): void {
    const blocks = this.#held(lease);
    if (!this.canResize(lease, counts, keep)) throw this.#exhausted(counts);
    const sharable = blocks.map((numbers, i) => {
      const shared = numbers.findIndex((number, at) => at >= (keep[i] ?? 0) && this.#kinds[i]!.holders[number]! > 1);
      return shared < 0 ? numbers.length : shared;
    });
    this.#fill(blocks, sharable);
    this.#fill(blocks, counts);
  }

  /** Throws for a lease that was freed already: two owners of one block would be a wrong token. */
  free(lease: BlockLease): void {
    this.#fill(
      this.#held(lease),
      this.#kinds.map(() => 0),
    );
    this.#leases.delete(lease);
  }

  /** Blocks that come back when all of `leases` go and the first `keep` of `kept` stay. Never mutates. */
  heldOnlyBy(leases: Iterable<BlockLease>, kept: BlockLease | null = null, keep: BlockCounts = []): BlockCounts {
    const all = [...leases];
    return this.#kinds.map(({ holders }, i) => {
      const among = new Map<number, number>();
      for (const { blocks } of all) for (const number of blocks[i]!) among.set(number, (among.get(number) ?? 0) + 1);
      for (const number of kept?.blocks[i]?.slice(0, keep[i] ?? 0) ?? []) among.delete(number);
      return [...among].filter(([number, count]) => holders[number] === count).length;
    });
  }

  /** Blocks that `leases` hold together; what they share counts once, and whoever else holds it does not matter. */
  heldBy(leases: Iterable<BlockLease>): BlockCounts {
    const all = [...leases];
    return this.#kinds.map((_, i) => new Set(all.flatMap(({ blocks }) => blocks[i]!)).size);
  }

  /** Blocks that more than one lease holds. */
  sharedBlocks(): number {
    return this.#kinds.reduce((sum, { holders }) => sum + holders.filter((count) => count > 1).length, 0);
  }

  bytesOf(counts: BlockCounts): number {
    return this.#spec.bytesOf(counts);
  }

  counts(): PoolCounts {
    return {
      totalBytes: this.#totalBytes,
      usedBytes: this.#usedBytes,
      freeBytes: this.#totalBytes - this.#usedBytes,
      pressure: poolPressure(this.#usedBytes, this.#totalBytes),
      kinds: this.#spec.kinds.map(({ window, layers, blockBytes }, i) => {
        const { total, used } = this.#kinds[i]!;
        return { window, layers, blockBytes, total, used };
      }),
    };
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    const fail = (what: string): never => {
      throw new Error(`[block_pool] integrity: ${what}`);
    };
    this.#kinds.forEach((kind, i) => {
      const held = [...this.#leases.values()].flatMap((blocks) => blocks[i]!);
      const holders = new Map<number, number>();
      for (const number of held) holders.set(number, (holders.get(number) ?? 0) + 1);
      if (holders.size !== kind.used) fail(`kind ${i}: ${kind.used} blocks used, leases hold ${holders.size}`);
      if (kind.used > kind.total) fail(`kind ${i}: ${kind.used} blocks used of ${kind.total}`);
      for (const [number, count] of holders)
        if (kind.holders[number] !== count) fail(`kind ${i}: block ${number} has ${count} holders, ${kind.holders[number]} are counted`);
      const numbers = new Set([...holders.keys(), ...kind.returned]);
      if (numbers.size !== holders.size + kind.returned.length) fail(`kind ${i}: a block is free and in use`);
      if (numbers.size !== kind.next) fail(`kind ${i}: ${kind.next} blocks were handed out, ${numbers.size} are known`);
      for (const number of numbers)
        if (number < 0 || number >= kind.next) fail(`kind ${i}: block ${number} out of range 0..${kind.next - 1}`);
    });
    for (const blocks of this.#leases.values())
      blocks.forEach((numbers, i) => {
        if (new Set(numbers).size !== numbers.length) fail(`kind ${i}: a lease holds a block twice`);
      });
    const bytes = this.#spec.bytesOf(this.#used());
    if (bytes !== this.#usedBytes) fail(`${this.#usedBytes} bytes used, blocks sum to ${bytes}`);
    if (bytes > this.#totalBytes) fail(`${bytes} bytes used of ${this.#totalBytes}`);
  }

  #used(): BlockCounts {
    return this.#kinds.map(({ used }) => used);
  }

  #held(lease: BlockLease): number[][] {
    const blocks = this.#leases.get(lease);
    if (blocks === undefined) throw new Error('[block_pool] the lease was freed, or is of another pool');
    return blocks;
  }

  /** Blocks of kind `i` that `resize` would take, less those it would give back. */
  #wantedOf(lease: BlockLease, i: number, count: number, keep: number): number {
    const { holders } = this.#kinds[i]!;
    const numbers = this.#held(lease)[i]!;
    const shared = numbers.findIndex((number, at) => at >= keep && holders[number]! > 1);
    const stays = Math.min(count, shared < 0 ? numbers.length : shared);
    return count - stays - numbers.slice(stays).filter((number) => holders[number] === 1).length;
  }

  #fill(blocks: number[][], counts: BlockCounts): void {
    this.#kinds.forEach((kind, i) => {
      const held = blocks[i]!;
      const wanted = counts[i] ?? 0;
      const before = kind.used;
      while (held.length > wanted) {
        const number = held.pop()!;
        kind.holders[number]! -= 1;
        if (kind.holders[number]! > 0) continue;
        kind.returned.push(number);
        kind.used -= 1;
      }
      while (held.length < wanted) {
        const number = kind.returned.pop() ?? kind.next++;
        kind.holders[number] = 1;
        held.push(number);
        kind.used += 1;
      }
      this.#usedBytes += (kind.used - before) * this.#spec.kinds[i]!.blockBytes;
    });
  }

  #exhausted(counts: BlockCounts): SemanticError {
    const wanted = `${counts.join(' + ')} blocks (${this.#spec.bytesOf(counts)} bytes)`;
    return new SemanticError('PoolExhausted', `[block_pool] wanted ${wanted}, ${this.#totalBytes - this.#usedBytes} bytes are free`, {
      hint: 'Try again when other requests have ended, or raise engine.memory_budget_bytes.',
    });
  }
}

export function countsOf(lease: BlockLease): BlockCounts {
  return lease.blocks.map((numbers) => numbers.length);
}

function emptyKinds(spec: ModelCacheSpec, { bytes, maxBlocks }: PoolBudget): readonly Kind[] {
  return spec.kinds.map(({ blockBytes }, i) => {
    const fitting = Math.floor(bytes / blockBytes);
    return { total: Math.min(fitting, maxBlocks?.[i] ?? fitting), used: 0, holders: [], returned: [], next: 0 };
  });
}
