import { expect, test } from 'vitest';
import { EventQueue } from '../../../src/core/engine/event-queue.js';

test('a reader gets what was pushed before and after it waited, then the end', async () => {
  const queue = new EventQueue<number>(4, () => undefined);
  queue.push(1);
  const read = (async () => {
    const items: number[] = [];
    for await (const item of queue) items.push(item);
    return items;
  })();
  await new Promise((resolve) => setImmediate(resolve));
  queue.push(2);
  queue.close();
  queue.push(3);
  expect(await read).toEqual([1, 2]);
});

test('close(error) lets the reader have what was pushed, then throws', async () => {
  const queue = new EventQueue<number>(4, () => undefined);
  queue.push(1);
  queue.close(new Error('broken'));
  expect(await queue.next()).toEqual({ done: false, value: 1 });
  await expect(queue.next()).rejects.toThrow('broken');
  expect(await queue.next()).toEqual({ done: true, value: undefined });
});

test('a full queue calls onRead when it has room again, once', async () => {
  let calls = 0;
  const queue = new EventQueue<number>(2, () => (calls += 1));
  queue.push(1);
  queue.push(2);
  expect(queue.full).toBe(true);
  await queue.next();
  await queue.next();
  expect([queue.full, calls]).toEqual([false, 1]);
});
