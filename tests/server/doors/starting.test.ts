import { expect, test } from 'vitest';
import { StartReport } from '../../../src/server/doors/starting.js';

test('a start says how much of the weights is there while they are loaded, and only then', () => {
  const report = new StartReport('1.2.3');
  expect(report.health()).toMatchObject({ phase: 'opening', loaded_bytes: null, total_bytes: null });
  let loaded: { loadedBytes: number; totalBytes: number } | null = null;
  report.enter('loading a-model', () => loaded);
  expect(report.process().phase).toBe('loading a-model');
  loaded = { loadedBytes: 299, totalBytes: 1000 };
  expect(report.health()).toMatchObject({ phase: 'loading a-model', loaded_bytes: 299, total_bytes: 1000 });
  expect(report.process().phase).toBe('loading a-model, 29 %');
  report.enter('opening doors');
  expect(report.health()).toMatchObject({ phase: 'opening doors', loaded_bytes: null, total_bytes: null });
});
