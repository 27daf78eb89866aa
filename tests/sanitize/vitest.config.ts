import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** The addon's own tests, and the engine's and the adapters' that compute on tiny models: larger ones would wait longer than their tests do. */
export default defineConfig({
  root: fileURLToPath(new URL('../..', import.meta.url)),
  test: {
    include: [
      'tests/sanitize/*.test.ts',
      'tests/native/*.test.ts',
      'tests/adapters/mlx/*.test.ts',
      'tests/adapters/kv-store/agent-file.test.ts',
      'tests/core/engine/{engine,failures,kv-parking,recurrent,step-ahead,raw-prompt}.test.ts',
    ],
    pool: 'forks',
    fileParallelism: false,
    // Some five times slower than usual.
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
