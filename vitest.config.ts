import { defineConfig } from 'vitest/config';

const inRooms = (rooms: readonly string[]): string[] => rooms.map((room) => `tests/${room}/**/*.test.ts`);

/** Tests that compute little, or wait for processes they start: as many files at once as the smallest machine has cores. */
const SIDE_BY_SIDE = inRooms([
  ...[
    'audit',
    'chat-template',
    'config',
    'hub',
    'jobs',
    'keys',
    'kv-store',
    'memory',
    'metrics',
    'paths',
    'recordings',
    'records',
    'tls',
    'tokenizer',
    'traces',
  ].map((room) => `adapters/${room}`),
  ...['answers', 'constraints', 'domain', 'models'].map((room) => `core/${room}`),
  ...['bin', 'client', 'commands', 'docs', 'recordings', 'server'],
]);
/** Of them, those that take the whole machine for themselves. */
const ALONE = inRooms(['server/embeddings', 'server/models']).concat(
  ['cancellation', 'open-engine', 'overload', 'shutdown'].map((name) => `tests/server/${name}.test.ts`),
);
/** Real clients, sanitizers and installed packages have runs of their own: npm run test:clients, test:sanitize, test:package. */
const ELSEWHERE = ['tests/clients/**', 'tests/package/**', 'tests/sanitize/**', '**/node_modules/**'];

export default defineConfig({
  test: {
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'side by side',
          include: SIDE_BY_SIDE,
          exclude: [...ELSEWHERE, ...ALONE],
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          name: 'alone',
          include: ['tests/**/*.test.ts'],
          exclude: [...ELSEWHERE, ...SIDE_BY_SIDE],
          // Two engines at once would fight over the cores; each file gets its own process, one after the other.
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: { name: 'alone, of the server', include: ALONE, exclude: ELSEWHERE, fileParallelism: false, sequence: { groupOrder: 2 } },
      },
    ],
  },
});
