/**
 * The budget of KV memory in blocks of 256 tokens. It hands out numbered blocks of every layer kind, all that was asked
 * for or none, and refuses with PoolExhausted. It knows no prefixes, no sequences and no order of eviction.
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

/** Blocks in one owner's hand: per kind the numbers of those it holds. Only the pool that gave it changes it. */
export interface BlockLease {
  readonly blocks: readonly (readonly number[])[];
}

interface Kind {
  readonly total: number;
  used: number;
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

  /** Whether `allocate(counts)` would succeed if `given` blocks came back first. Never mutates. */
  canAllocate(counts: BlockCounts, given: BlockCounts = []): boolean {
    const used = this.#usedBytes - this.#spec.bytesOf(given) + this.#spec.bytesOf(counts);
    return used <= this.#totalBytes && this.#kinds.every((kind, i) => kind.used - (given[i] ?? 0) + (counts[i] ?? 0) <= kind.total);
  }

  /** Whether the whole pool is large enough. Never mutates. */
  canEverAllocate(counts: BlockCounts): boolean {
    return this.canAllocate(counts, this.#used());
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

  /** Gives blocks back, or takes more, until the lease holds `counts`. Throws PoolExhausted, and then has changed nothing. */
  resize(lease: BlockLease, counts: BlockCounts): void {
    const blocks = this.#held(lease);
    if (!this.canAllocate(counts, countsOf(lease))) throw this.#exhausted(counts);
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
      if (held.length !== kind.used) fail(`kind ${i}: ${kind.used} blocks used, leases hold ${held.length}`);
      if (kind.used > kind.total) fail(`kind ${i}: ${kind.used} blocks used of ${kind.total}`);
      const numbers = new Set([...held, ...kind.returned]);
      if (numbers.size !== held.length + kind.returned.length) fail(`kind ${i}: a block has two owners`);
      if (numbers.size !== kind.next) fail(`kind ${i}: ${kind.next} blocks were handed out, ${numbers.size} are known`);
      for (const number of numbers)
        if (number < 0 || number >= kind.next) fail(`kind ${i}: block ${number} out of range 0..${kind.next - 1}`);
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

  #fill(blocks: number[][], counts: BlockCounts): void {
    this.#kinds.forEach((kind, i) => {
      const held = blocks[i]!;
      const wanted = counts[i] ?? 0;
      const more = wanted - held.length;
      while (held.length > wanted) kind.returned.push(held.pop()!);
      while (held.length < wanted) held.push(kind.returned.pop() ?? kind.next++);
      kind.used += more;
      this.#usedBytes += more * this.#spec.kinds[i]!.blockBytes;
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
    return { total: Math.min(fitting, maxBlocks?.[i] ?? fitting), used: 0, returned: [], next: 0 };
  });
}
