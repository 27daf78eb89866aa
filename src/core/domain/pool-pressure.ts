/** How full a pool is, in words: `none` below half, then steps at which a caller offloads, refuses batch work, or evicts. */
export type PoolPressure = 'none' | 'low' | 'high' | 'critical';

const STEPS: readonly (readonly [share: number, level: PoolPressure])[] = [
  [0.95, 'critical'],
  [0.8, 'high'],
  [0.5, 'low'],
];

export function poolPressure(usedBytes: number, totalBytes: number): PoolPressure {
  return STEPS.find(([share]) => usedBytes >= share * totalBytes)?.[1] ?? 'none';
}
