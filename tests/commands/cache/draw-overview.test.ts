import { expect, test } from 'vitest';
import type { OverviewBody } from '../../../src/client/cache-bodies.js';
import { drawOverview } from '../../../src/commands/cache/draw-overview.js';

const kinds = [
  { window: null, layers: 8, block_bytes: 2 ** 23, total: 100, used: 3 },
  { window: 1024, layers: 4, block_bytes: 2 ** 22, total: 20, used: 2 },
  { window: 0, layers: 24, block_bytes: 2 ** 25, total: 10, used: 1 },
];

test('kinds of layers are named by what they see: all, a window, or the state that stands for it', () => {
  const memory = { total_bytes: 1, used_bytes: 0, running_bytes: 0, pressure: 'low', sequences: 0, tokens: 0, shared_blocks: 0, kinds };
  const hits = { prompt_tokens: 0, memory_tokens: 0, disk_tokens: 0, ratio: 0, misses: {} };
  const body = { model: 'm', fingerprint: 'f', memory, disk: { state: 'off' }, hits } as unknown as OverviewBody;
  const lines = drawOverview(body).filter((line) => line.includes('layers:'));
  expect(lines.map((line) => line.replace(/^[^\d]*/, ''))).toEqual([
    '8 global layers: 3 of 100 blocks of 8.4 MB',
    '4 sliding (1024) layers: 2 of 20 blocks of 4.2 MB',
    '24 recurrent layers: 1 of 10 blocks of 34 MB',
  ]);
});
