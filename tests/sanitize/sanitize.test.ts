/** That what this run is about happens at all: the addon of the tests is the one with sanitizers, and they find what is wrong. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { loadAddon } from '../../src/adapters/mlx/load-addon.js';
import { native } from '../native/support/addon.js';

const canary = fileURLToPath(new URL('../../native/build-sanitize/canary.node', import.meta.url));

test('the addon that tests and adapters load is the one with sanitizers, and no other is', () => {
  expect(loadAddon()).toBe(native);
  const maps = readFileSync('/proc/self/maps', 'utf8');
  expect(maps).toMatch(/native\/build-sanitize\/semantic\.node/);
  expect(maps).not.toMatch(/native\/build\/semantic\.node/);
  expect(maps).toMatch(/libasan\.so/);
});

describe('a bug of the addon ends its process, and is named:', () => {
  test.each([
    ['overflow', /AddressSanitizer: heap-buffer-overflow/],
    ['stale', /AddressSanitizer: heap-use-after-free/],
    ['signedOverflow', /runtime error: signed integer overflow/],
    ['misaligned', /runtime error: load of misaligned address/],
  ])('%s', async (bug, report) => {
    const { exitCode, stderr } = await run(bug, {});
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(report);
    expect(stderr).toContain('canary.cc');
  });

  test('leak, where leaks are looked for', async () => {
    const { exitCode, stderr } = await run('leak', { detect_leaks: '1' });
    expect(exitCode).not.toBe(0);
    expect(stderr).toMatch(/LeakSanitizer: detected memory leaks[^]*canary\.cc/);
  });
});

/** In a process of its own, with reports on stderr instead of in the folder that the run looks at. */
function run(bug: string, asan: Readonly<Record<string, string>>) {
  const told = (name: string, more: Readonly<Record<string, string>>): string =>
    [process.env[name] ?? '', 'log_path=stderr', ...Object.entries(more).map(([key, value]) => `${key}=${value}`)].join(':');
  // The last of many may still lie on the stack, where it counts as held.
  const times = bug === 'leak' ? 100 : 1;
  const script = `const { ${bug} } = require(${JSON.stringify(canary)}); for (let i = 0; i < ${times}; i++) ${bug}();`;
  const env = { ASAN_OPTIONS: told('ASAN_OPTIONS', asan), UBSAN_OPTIONS: told('UBSAN_OPTIONS', {}) };
  return execa(process.execPath, ['-e', script], { env, reject: false });
}
