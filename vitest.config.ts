import { defineConfig } from 'vitest/config';

/** Tests that run no model: as many files at once as there are cores. Whatever is not named here may run one. */
const WITHOUT_MODEL = [
  ...['audit', 'chat-template', 'config', 'hub', 'keys', 'kv-store', 'metrics', 'paths', 'records', 'tls', 'tokenizer'].map(
    (room) => `adapters/${room}`,
  ),
  ...['answers', 'constraints', 'domain', 'models'].map((room) => `core/${room}`),
  ...['bin', 'client', 'commands/audit', 'commands/format', 'docs'],
].map((folder) => `tests/${folder}/**/*.test.ts`);
/** Real clients and sanitizers have runs of their own: npm run test:clients, npm run test:sanitize. */
const ELSEWHERE = ['tests/clients/**', 'tests/sanitize/**', '**/node_modules/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: { name: 'without a model', include: WITHOUT_MODEL, exclude: ELSEWHERE, sequence: { groupOrder: 0 } },
      },
      {
        extends: true,
        test: {
          name: 'with a model',
          include: ['tests/**/*.test.ts'],
          exclude: [...ELSEWHERE, ...WITHOUT_MODEL],
          // Two engines at once would fight over the cores; each file gets its own process, one after the other.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
