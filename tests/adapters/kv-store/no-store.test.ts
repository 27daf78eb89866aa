import { describe, expect, it } from 'vitest';

import { noStore } from '../../../src/adapters/kv-store/no-store.js';
import { rejection } from '../../rejection.js';
import { agent, chain, FINGERPRINT, imagesOf, START } from './fixtures.js';

const [block] = chain(1, 1) as [ReturnType<typeof chain>[number]];

describe('the store that is off', () => {
  it('says so, and has nothing', async () => {
    const kv = noStore();
    expect(kv.status()).toMatchObject({ state: 'off', reason: null, blocks: 0, bytes: 0 });
    expect(kv.get(block.hash)).toBeNull();
    expect(kv.childrenOf(START)).toEqual([]);
    expect(kv.find('')).toEqual([]);
    expect(kv.describe(block.hash)).toBeNull();
    expect(kv.agents()).toEqual([]);
    expect(kv.ownedAlone('a')).toEqual({ blocks: 0, bytes: 0 });
    expect(await kv.verify()).toEqual({ blocks: 0, images: 0, bytes: 0, damaged: [] });
    await (await kv.openImages([])).close();
    expect((await rejection(kv.openImages([{ hash: block.hash, kind: 0 }]))).code).toBe('CacheCorruption');
  });

  it('refuses what it would have to keep', async () => {
    const kv = noStore();
    for (const refused of [kv.beginExtent(imagesOf([block], 9), FINGERPRINT), kv.putAgent(agent('a')), kv.exportAgent(agent('a'), [])]) {
      const error = await rejection(refused);
      expect(error.code).toBe('CachePersistence');
      expect(error.message).toContain('no store is configured');
    }
    expect((await rejection(kv.importAgent((async function* () {})(), (context, blocks) => ({ agent: context, blocks })))).code).toBe(
      'CachePersistence',
    );
  });

  it('lets go of what it does not have', async () => {
    const kv = noStore();
    kv.touch([block.hash]);
    await kv.own('a', [block.hash]);
    await kv.pin('a', true);
    await kv.disown('a');
    await kv.dropAgent('a');
    await kv.quarantine({ hash: block.hash, kind: 0 }, 'a test');
    expect(await kv.purge('a')).toEqual({ blocks: 0, bytes: 0 });
    await kv.close();
  });
});
