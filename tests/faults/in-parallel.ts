import { availableParallelism } from 'node:os';

/** Runs `work` on all items, several at a time on each core: most of the time goes into waiting for the disk. */
export async function inParallel<T>(items: readonly T[], work: (item: T, lane: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (number: number): Promise<void> => {
    while (next < items.length) await work(items[next++]!, number);
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number)));
}

export const LANES = 3 * availableParallelism();
