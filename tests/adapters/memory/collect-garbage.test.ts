import { expect, test } from 'vitest';
import { collectGarbage } from '../../../src/adapters/memory/collect-garbage.js';

test('what nobody holds any more is gone, what somebody holds is not', async () => {
  const held = { what: 'held' };
  const [kept, dropped] = [new WeakRef(held), new WeakRef({ what: 'dropped' })];
  await new Promise((resolve) => setImmediate(resolve)); // a WeakRef holds on until the end of the turn it was made in
  collectGarbage();
  expect([kept.deref(), dropped.deref()]).toEqual([{ what: 'held' }, undefined]);
  expect(held.what).toBe('held');
});
