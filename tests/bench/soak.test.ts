import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { growthOf, isBeyondNoise, type Sample } from '../../bench/soak/growth.js';
import { logErrors } from '../../bench/soak/log-errors.js';
import { PatientWire } from '../../bench/soak/patient-wire.js';
import { soak } from '../../bench/soak/soak.js';
import { SoakWire } from '../../bench/soak/soak-wire.js';
import { disagreements, leaks, newTally } from '../../bench/soak/tally.js';
import { Seeded } from '../faults/seeded.js';
import { befall } from '../../bench/soak/troubles.js';
import { startDaemon, type TestDaemon } from '../support/daemon.js';
import { createHome } from '../support/run-semantic.js';

const LENGTHS = { input: 12, answer: 8, pauseMillis: 20, life: 150 };

describe('a short soak', () => {
  test('agents with turns, pauses, forks and answers that nobody waits for leave nothing behind, and all counters agree', async () => {
    const daemon = await startDaemon([], { SEMANTIC_CACHE_BUDGET_MB: '16', SEMANTIC_STORE_MIN_FREE_MB: '0' });
    try {
      const { tally, failures, samples, totals } = await soak({
        wire: new SoakWire(daemon.summary.address),
        agents: 4,
        seed: 5,
        lengths: LENGTHS,
        isOver: ({ turns, abandoned, forks }) => turns >= 12 && abandoned >= 2 && forks >= 2,
        sampleMillis: 200,
        onSample: () => undefined,
      });
      expect(failures).toEqual([]);
      expect(tally.turns).toBeGreaterThanOrEqual(12);
      expect(totals.requests.cancelled).toBeGreaterThan(0);
      expect(samples.length).toBeGreaterThan(1);
    } finally {
      await daemon.stop();
    }
  });

  test('a daemon that refuses is a failure of the soak, not of its bookkeeping', async () => {
    const daemon = await startDaemon([], { SEMANTIC_ENGINE_MAX_QUEUE: '1', SEMANTIC_ENGINE_MAX_BATCH_SEQUENCES: '1' });
    try {
      const options = {
        wire: new SoakWire(daemon.summary.address),
        agents: 6,
        seed: 5,
        lengths: LENGTHS,
        sampleMillis: 200,
        onSample: () => undefined,
      };
      const { failures } = await soak({ ...options, isOver: ({ turns }) => turns >= 100 });
      expect(failures.join('\n')).toMatch(/was answered with 429/);
      expect(failures.join('\n')).not.toMatch(/are left/);
    } finally {
      await daemon.stop();
    }
  });
});

describe('disagreements()', () => {
  const tally = { ...newTally(), turns: 10, streamed: 1, abandoned: 3, promptTokens: 500, completionTokens: 100 };
  const totals = {
    requests: { submitted: 14, finished: 12, cancelled: 2, failed: 0, refused: 0, preempted: 0 },
    tokens: { prompt: 700, cached: 300, restored: 0, generated: 120 },
    steps: 100,
    step_ms: 2000,
  };

  test('there are none when all was counted; a request that was left may have finished', () => {
    expect(disagreements(tally, totals)).toEqual([]);
  });

  test.each([
    ['failed', { failed: 1, finished: 11 }],
    ['refused', { refused: 1 }],
    ['never counted', { submitted: 13 }],
    ['that never ended', { finished: 11 }],
    ['cancelled that nobody left', { finished: 10, cancelled: 4 }],
  ])('a request %s is one', (_name, requests) => {
    expect(disagreements(tally, { ...totals, requests: { ...totals.requests, ...requests } })).not.toEqual([]);
  });

  test.each([
    ['read', { prompt: 499 }],
    ['found in the cache', { cached: 800 }],
    ['written', { generated: 99 }],
  ])('tokens wrongly %s are one', (_name, tokens) => {
    expect(disagreements(tally, { ...totals, tokens: { ...totals.tokens, ...tokens } })).toHaveLength(1);
  });
});

test('leaks() names everything that is left', async () => {
  const daemon = await startDaemon();
  try {
    const status = await daemon.status();
    expect(leaks(status, 0)).toEqual([]);
    const { engine, native } = status;
    expect(leaks({ ...status, engine: { ...engine, waiting: 1, fault: 'x' }, native: { ...native, kvBytes: 9 } }, 2)).toEqual([
      '1 waiting requests are left',
      '9 bytes of KV in the native engine are left',
      '2 agents are left',
      'the bookkeeping contradicts itself: x',
    ]);
  } finally {
    await daemon.stop();
  }
});

describe('isBeyondNoise()', () => {
  const samples = (bytesAt: (seconds: number) => number): Sample[] =>
    Array.from({ length: 121 }, (_, i) => ({ seconds: i * 5, bytes: bytesAt(i * 5) }));
  const random = new Seeded(3);
  const noise = (): number => random.below(10_000_000);

  test('flat memory with noise is not, whatever it did in the first half', () => {
    expect(isBeyondNoise(growthOf(samples((at) => 400e6 + noise() - (at < 250 ? 200e6 : 0))))).toBe(false);
  });

  test('a steady leak is', () => {
    const growth = growthOf(samples((at) => 400e6 + noise() + at * 100_000));
    expect(growth.bytes).toBeGreaterThan(25e6);
    expect(isBeyondNoise(growth)).toBe(true);
  });

  test('growth within the noise is not, nor is less than 3 %', () => {
    expect(isBeyondNoise(growthOf(samples((at) => 400e6 + 8 * noise() + at * 50_000)))).toBe(false);
    expect(isBeyondNoise(growthOf(samples((at) => 400e6 + at * 30_000)))).toBe(false);
  });

  test('memory that shrinks is not', () => {
    expect(isBeyondNoise(growthOf(samples((at) => 800e6 - at * 100_000)))).toBe(false);
  });

  test('few samples say nothing', () => {
    expect(isBeyondNoise(growthOf(samples((at) => at).slice(0, 10)))).toBeNull();
  });
});

test('logErrors() counts lines of level error and above by their text, and passes over a line that was cut', () => {
  const folder = mkdtempSync(join(tmpdir(), 'semantic-log-'));
  const file = join(folder, 'serve.log');
  const line = (level: number, msg: string): string => JSON.stringify({ level, msg });
  writeFileSync(
    file,
    [line(30, 'fine'), line(50, 'not fine'), line(40, 'warned'), line(50, 'not fine'), line(60, 'dead'), '{"level":50,"m'].join('\n'),
  );
  expect(logErrors([file])).toEqual(['the log has 2 x not fine', 'the log has 1 x dead']);
  rmSync(folder, { recursive: true });
});

test('a soak goes on through deaths and is told of what they ended', async () => {
  const home = createHome();
  const start = (port: string): Promise<TestDaemon> =>
    startDaemon(['--port', port], { SEMANTIC_HOME: home.path, SEMANTIC_STORE_MIN_FREE_MB: '0' });
  let daemon = await start('0');
  const wire = new PatientWire(daemon.summary.address);
  const trouble = new AbortController();
  const kill = async (): Promise<void> => {
    daemon.signal('SIGKILL');
    await daemon.stop();
    daemon = await start(new URL(daemon.summary.address).port);
  };
  const befalling = befall({ swapSeconds: 0, killSeconds: 3, swap: () => Promise.reject(new Error('never due')), kill }, trouble.signal);
  try {
    const { tally, failures } = await soak({
      wire,
      agents: 3,
      seed: 7,
      lengths: { ...LENGTHS, answer: 64 },
      isTroubled: true,
      isOver: ({ turns }) => {
        if (turns >= 6 && wire.interrupted > 0) trouble.abort();
        return trouble.signal.aborted;
      },
      sampleMillis: 200,
      onSample: () => undefined,
    });
    expect((await befalling).kills).toBeGreaterThan(0);
    expect(failures).toEqual([]);
    expect(tally.turns).toBeGreaterThanOrEqual(6);
  } finally {
    trouble.abort();
    await befalling;
    await daemon.stop();
    home.remove();
  }
});
