import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { KvBlock } from '../../../src/core/domain/kv-block.js';
import type { KvStore } from '../../../src/core/ports.js';
import { chain, FINGERPRINT, imagesOf, readImage, store, StorePlace } from './fixtures.js';

const CHAINS = 4;
const LENGTH = 5;
const OWNERS = ['ada', 'bob', 'cy'] as const;
const BYTES = 900;

type Step =
  | {
      readonly do: 'commit' | 'abandon';
      readonly chain: number;
      readonly from: number;
      readonly count: number;
      readonly kind: number;
      readonly owner: number;
    }
  | { readonly do: 'own' | 'quarantine' | 'touch'; readonly chain: number; readonly from: number; readonly owner: number }
  | { readonly do: 'purge' | 'pin' | 'unpin' | 'disown'; readonly owner: number }
  | { readonly do: 'reopen' };

const place = { chain: fc.nat(CHAINS - 1), from: fc.nat(LENGTH - 1), owner: fc.nat(OWNERS.length - 1) };
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant('commit' as const), ...place, count: fc.integer({ min: 1, max: 4 }), kind: fc.nat(1) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('abandon' as const), ...place, count: fc.integer({ min: 1, max: 4 }), kind: fc.nat(1) }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('own' as const, 'quarantine' as const, 'touch' as const), ...place }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('purge' as const, 'pin' as const, 'unpin' as const, 'disown' as const),
      owner: place.owner,
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reopen' as const) }) },
);

const blocksOf = (of: { readonly chain: number; readonly from: number; readonly count?: number }): KvBlock[] =>
  chain(of.chain + 1, LENGTH).slice(of.from, of.from + (of.count ?? LENGTH));

/** What a store holds, said in the simplest way: images by name, owners by block. */
class Model {
  readonly images = new Set<string>(); // `hash.kind`
  readonly owners = new Map<string, Set<string>>(); // of each block

  commit(blocks: readonly KvBlock[], kind: number, owner: string): void {
    for (const { hash } of blocks) {
      this.images.add(`${hash}.${kind}`);
      this.owners.set(hash, (this.owners.get(hash) ?? new Set()).add(owner));
    }
  }

  own(hashes: readonly string[], owner: string): void {
    for (const hash of hashes) this.owners.get(hash)?.add(owner);
  }

  drop(hash: string, kind: number): void {
    this.images.delete(`${hash}.${kind}`);
    if (![0, 1].some((other) => this.images.has(`${hash}.${other}`))) this.owners.delete(hash);
  }

  purge(owner: string): void {
    for (const [hash, owners] of this.owners) {
      if (owners.delete(owner) && owners.size === 0) for (const kind of [0, 1]) this.drop(hash, kind);
    }
  }

  disown(owner: string): void {
    for (const owners of this.owners.values()) owners.delete(owner);
  }
}

async function take(kv: KvStore, at: Step, model: Model | null): Promise<void> {
  switch (at.do) {
    case 'commit': {
      const blocks = blocksOf(at);
      await store(kv, imagesOf(blocks, BYTES, [at.kind]), OWNERS[at.owner]);
      model?.commit(blocks, at.kind, OWNERS[at.owner]!);
      break;
    }
    case 'abandon':
      await (await kv.beginExtent(imagesOf(blocksOf(at), BYTES, [at.kind]), FINGERPRINT)).abandon();
      break;
    case 'own': {
      const hashes = blocksOf(at).map(({ hash }) => hash);
      await kv.own(OWNERS[at.owner]!, hashes);
      model?.own(hashes, OWNERS[at.owner]!);
      break;
    }
    case 'quarantine': {
      const [{ hash }] = blocksOf(at) as [KvBlock];
      await kv.quarantine({ hash, kind: 0 }, 'a test');
      if (model?.images.has(`${hash}.0`)) model.drop(hash, 0);
      break;
    }
    case 'touch':
      kv.touch(blocksOf(at).map(({ hash }) => hash));
      break;
    case 'purge': {
      const alone = kv.ownedAlone(OWNERS[at.owner]!);
      expect(await kv.purge(OWNERS[at.owner]!)).toEqual(alone);
      model?.purge(OWNERS[at.owner]!);
      expect(kv.status().deadBytes).toBe(0);
      break;
    }
    case 'disown':
      await kv.disown(OWNERS[at.owner]!);
      model?.disown(OWNERS[at.owner]!);
      break;
    case 'pin':
    case 'unpin':
      await kv.pin(OWNERS[at.owner]!, at.do === 'pin');
      break;
    case 'reopen':
      break;
  }
}

const everyBlock = Array.from({ length: CHAINS }, (_, of) => chain(of + 1, LENGTH)).flat();

/** The sums fit what is there, and every image that is found is the right one. */
async function checkSums(kv: KvStore): Promise<void> {
  let [images, bytes, owned] = [0, 0, 0];
  const found = kv.find('');
  for (const { hash, kinds } of found) {
    const about = kv.describe(hash)!;
    images += kinds.length;
    bytes += about.images.reduce((sum, image) => sum + image.bytes, 0);
    owned += about.images.reduce((sum, image) => sum + image.bytes, 0) * Math.max(1, about.owners.length);
    for (const kind of kinds) expect(await readImage(kv, { hash }, kind)).toBe('good');
  }
  expect(kv.status()).toMatchObject({ blocks: found.length, images, bytes, ownedBytes: owned, state: 'ready' });
}

async function checkFiles(directory: string, kv: KvStore): Promise<void> {
  expect(await readdir(join(directory, 'extents'))).toHaveLength(kv.status().extents);
  expect((await readdir(directory)).filter((file) => file.endsWith('.tmp'))).toEqual([]);
}

describe('a store after any sequence of calls', () => {
  it('holds what a simple model holds, before and after it is opened again', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 24 }), async (steps) => {
        const at = await StorePlace.make();
        try {
          let kv = await at.open();
          const model = new Model();
          const check = async (): Promise<void> => {
            for (const { hash } of everyBlock) {
              expect(kv.get(hash)?.kinds ?? []).toEqual([0, 1].filter((kind) => model.images.has(`${hash}.${kind}`)));
              expect(kv.describe(hash)?.owners ?? []).toEqual([...(model.owners.get(hash) ?? [])].sort());
            }
            await checkSums(kv);
          };
          for (const each of [...steps, { do: 'reopen' } as const]) {
            await take(kv, each, model);
            if (each.do !== 'reopen') continue;
            await check();
            await kv.close();
            kv = await at.open();
            await check();
          }
          await kv.close();
          await checkFiles(at.directory, kv);
        } finally {
          await at.clean();
        }
      }),
      { numRuns: 12 },
    );
  });

  it('stays within its size cap by letting go of leaves, never of what is pinned', async () => {
    const limits = { maxBytes: 40_000, minFreeBytes: 0, maxBytesPerDay: 0 };
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
        const at = await StorePlace.make();
        try {
          let kv = await at.open({ limits });
          let pinned = new Set<string>(); // blocks that were there and pinned before the step
          const pins = new Set<string>();
          for (const each of steps) {
            if (each.do === 'pin') pins.add(OWNERS[each.owner]!);
            if (each.do === 'unpin' || each.do === 'purge' || each.do === 'disown') pins.delete(OWNERS[each.owner]!);
            try {
              await take(kv, each, null);
            } catch (error) {
              expect(error).toMatchObject({ code: 'CachePersistence' }); // all that is left is pinned
            }
            if (each.do === 'reopen') {
              await kv.close();
              kv = await at.open({ limits });
            }
            if (each.do !== 'quarantine') for (const hash of pinned) if (!mayGo(each)) expect(kv.get(hash)).not.toBeNull();
            pinned = new Set(
              kv
                .find('')
                .filter(({ hash }) => kv.describe(hash)!.owners.some((name) => pins.has(name)))
                .map(({ hash }) => hash),
            );
            expect(await bytesOf(join(at.directory, 'extents'))).toBeLessThanOrEqual(limits.maxBytes);
          }
          await checkSums(kv);
        } finally {
          await at.clean();
        }
      }),
      { numRuns: 10 },
    );
  });
});

const mayGo = (at: Step): boolean => at.do === 'purge' || at.do === 'unpin' || at.do === 'disown';

async function bytesOf(directory: string): Promise<number> {
  const { stat } = await import('node:fs/promises');
  let bytes = 0;
  for (const file of await readdir(directory)) bytes += (await stat(join(directory, file)).catch(() => ({ size: 0 }))).size;
  return bytes;
}
