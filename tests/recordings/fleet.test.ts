/** The release gate: a small fleet that was recorded is replayed against this build (tests/recordings/record-fleet.js makes it anew). */
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { readRecording } from '../../src/adapters/recordings/read-recording.js';
import type { ReplayReport } from '../../src/client/replay/report.js';
import { createHome, semantic } from '../support/run-semantic.js';

const FLEET = fileURLToPath(new URL('fleet', import.meta.url));
const home = createHome();
afterAll(() => home.remove());

test('the recording has a fleet: sub-agents, a tool, stored answers, two at once, and a client that left', async () => {
  const { manifest, exchanges, tornBytes } = await readRecording(FLEET);
  expect([manifest.state, manifest.counts.exchanges, manifest.counts.cancelled, tornBytes]).toEqual(['complete', exchanges.length, 1, 0]);
  expect(new Set(exchanges.map(({ path }) => path))).toEqual(
    new Set(['/v1/messages', '/v1/chat/completions', '/v1/responses', '/v1/completions']),
  );
  expect(exchanges.filter(({ predecessor }) => predecessor !== null).length).toBeGreaterThanOrEqual(7);
  expect(exchanges.reduce((sum, { usage }) => sum + (usage?.cachedTokens ?? 0), 0)).toBeGreaterThan(500);
});

test('replayed against this build no token differs, and no fewer are found in the cache', async () => {
  const args = ['replay', FLEET, '--target', 'in-process', '--executor', 'cpu', '--json'];
  const { exitCode, stdout, stderr } = await semantic([...args, '--assert', 'tokens', '--assert', 'shape', '--assert', 'cache'], {
    home: home.path,
  });
  const report = JSON.parse(stdout === '' ? '{}' : stdout) as ReplayReport;
  expect([exitCode, stderr, report.verdicts]).toEqual([0, '', []]);
  expect(report).toMatchObject({ failed: 0, uncompared: 0, tokens: { answers: 0, differing: 0 }, shapes: { differing: 0 } });
  expect(report.cache.replayed).toBeGreaterThanOrEqual(report.cache.recorded);
});
