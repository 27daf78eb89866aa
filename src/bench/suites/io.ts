import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { firstTokenMillis, type Message } from '../targets/stream-chat.js';
import { type BenchCase, lengthsWithin, measure, shown, type Suite, type SuiteOptions } from './suite.js';
import { usingDaemon } from './using-daemon.js';

const SESSION = 'bench';

export const io: Suite = {
  name: 'io',
  summary: 'storing KV and reading it back: bytes/s, and their share of what plain files do on that disk',
  of: 'own',
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: (options) => [caseOf(options)],
};

function caseOf({ quick, contextTokens }: SuiteOptions): BenchCase {
  const tokens = lengthsWithin([quick ? 320 : 4_096], contextTokens, 64)[0]!;
  return {
    name: `a conversation of ${tokens} tokens`,
    x: null,
    measures: [
      shown('persist', 'bytes/s', 'higher'),
      shown('persist of disk', '%', 'higher'),
      shown('restore', 'bytes/s', 'higher'),
      shown('restore of disk', '%', 'higher'),
      measure('bytes per token', 'bytes', 'lower'),
    ],
    cost: { promptTokens: tokens, outputTokens: 8, seconds: 5 },
    run: (target, { prompts, seed, signal }) =>
      usingDaemon(target, {}, signal, async ({ launched, chat, home }) => {
        const first: Message[] = [{ role: 'user', content: prompts.text(tokens, seed) }];
        const answer = await chat({ messages: first, maxTokens: 4, session: SESSION }, { signal });
        const ended = performance.now();
        await launched.daemon.stored();
        const persistMillis = performance.now() - ended;
        const next: Message[] = [...first, { role: 'assistant', content: answer.text }, { role: 'user', content: 'And then?' }];
        const hot = await chat({ messages: next, maxTokens: 1, session: SESSION }, { signal });
        await launched.daemon.stored();
        const files = extentsOf(home);
        const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
        const disk = { write: plainWrite(join(home, 'plain'), bytes), read: plainRead(files) };
        await launched.restart(signal);
        const warm = await chat({ messages: next, maxTokens: 1, session: SESSION }, { signal });
        // What being on disk adds to a first token; less than nothing is noise.
        const restoreMillis = Math.max(SMALLEST_MS, firstTokenMillis(warm) - firstTokenMillis(hot));
        return {
          persist: perSecond(bytes, persistMillis),
          'persist of disk': (100 * disk.write) / Math.max(SMALLEST_MS, persistMillis),
          restore: perSecond(bytes, restoreMillis),
          'restore of disk': (100 * disk.read) / restoreMillis,
          'bytes per token': answer.promptTokens === 0 ? null : bytes / answer.promptTokens,
        };
      }),
  };
}

const SMALLEST_MS = 0.1;
const CHUNK_BYTES = 4 << 20;

function perSecond(bytes: number, millis: number): number {
  return (bytes * 1000) / Math.max(SMALLEST_MS, millis);
}

function extentsOf(home: string): string[] {
  const folder = join(home, 'kv', 'extents');
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => join(folder, name));
}

/** Milliseconds of as many bytes in a file of their own, on disk when it is over. */
function plainWrite(path: string, bytes: number): number {
  const chunk = Buffer.alloc(CHUNK_BYTES, 'semantic');
  const started = performance.now();
  const fd = openSync(path, 'w');
  for (let left = bytes; left > 0; left -= CHUNK_BYTES) writeSync(fd, chunk, 0, Math.min(left, CHUNK_BYTES));
  fsyncSync(fd);
  closeSync(fd);
  return performance.now() - started;
}

/** Milliseconds; they have just been written, so the page cache has them, as it has for the daemon. */
function plainRead(paths: readonly string[]): number {
  const started = performance.now();
  for (const path of paths) readFileSync(path);
  return performance.now() - started;
}
