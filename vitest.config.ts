import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['tests/**/*.test.ts'],
    // Real clients have a run of their own: npm run test:clients.
    exclude: ['tests/clients/**', '**/node_modules/**'],
    // Two engines at once would fight over the cores; each file gets its own process, one after the other.
    pool: 'forks',
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
