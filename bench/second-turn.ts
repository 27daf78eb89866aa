/** The second turn of a long conversation: cold, from memory, from disk, and from disk after kill -9. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { BenchDaemon, type Turn } from './bench-daemon.js';
import { median } from '#src/bench/statistics/median.js';
import type { Message } from './stream-chat.js';

export interface SecondTurn {
  readonly promptTokens: number;
  /** Time to first token of the second turn, milliseconds. */
  readonly cold: number;
  readonly memory: number;
  readonly disk: number;
  readonly crashed: number;
  readonly cachedTokens: { readonly memory: number; readonly disk: number; readonly crashed: number };
  /** Bytes on disk, and what a plain sequential read of them takes with a dropped page cache, milliseconds. */
  readonly storedBytes: number;
  readonly rawMillis: number;
  /** Whether all four gave one text. */
  readonly sameText: boolean;
}

const ANSWER = 16;

export interface SecondTurnOptions {
  readonly binary: string;
  readonly model: string;
  readonly flags: readonly string[];
  /** Of the first turn, about. */
  readonly tokens: number;
  readonly rounds: number;
}

interface Round {
  readonly cold: Turn;
  readonly memory: Turn;
  readonly disk: Stored;
  readonly crashed: Stored;
}

interface Stored {
  readonly turn: Turn;
  readonly bytes: number;
  readonly rawMillis: number;
}

export async function secondTurn(options: SecondTurnOptions): Promise<SecondTurn> {
  const runs: Round[] = [];
  for (let i = 0; i < options.rounds; i++) runs.push(await round(options, conversation(options.tokens, i)));
  const middle = (of: (run: Round) => number): number => median(runs.map(of));
  const { cold, memory, disk, crashed } = runs.at(-1)!;
  return {
    promptTokens: cold.promptTokens,
    cold: middle((run) => run.cold.ttft),
    memory: middle((run) => run.memory.ttft),
    disk: middle((run) => run.disk.turn.ttft),
    crashed: middle((run) => run.crashed.turn.ttft),
    cachedTokens: { memory: memory.cachedTokens, disk: disk.turn.cachedTokens, crashed: crashed.turn.cachedTokens },
    storedBytes: disk.bytes,
    rawMillis: middle((run) => run.disk.rawMillis),
    sameText: runs.every((run) => [run.memory, run.disk.turn, run.crashed.turn].every(({ text }) => text === run.cold.text)),
  };
}

async function round(options: SecondTurnOptions, first: readonly Message[]): Promise<Round> {
  const start = (environment: Readonly<Record<string, string>>): Promise<BenchDaemon> =>
    BenchDaemon.start(options.binary, options.model, options.flags, environment);
  const daemon = await start({ SEMANTIC_STORE_ENABLED: 'false' });
  const { text } = await daemon.chat(first, ANSWER, 'bench');
  const second: Message[] = [...first, { role: 'assistant', content: text }, { role: 'user', content: FOLLOW_UP }];
  const memory = await daemon.chat(second, ANSWER, 'bench');
  await daemon.stop();
  const fresh = await start({ SEMANTIC_STORE_ENABLED: 'false' });
  const cold = await fresh.chat(second, ANSWER, 'bench');
  await fresh.stop();
  return { cold, memory, disk: await restored(start, first, second, 'stop'), crashed: await restored(start, first, second, 'crash') };
}

async function restored(
  start: (environment: Readonly<Record<string, string>>) => Promise<BenchDaemon>,
  first: readonly Message[],
  second: readonly Message[],
  end: 'stop' | 'crash',
): Promise<Stored> {
  const directory = mkdtempSync(join(tmpdir(), 'semantic-bench-'));
  const environment = { SEMANTIC_STORE_DIRECTORY: directory, SEMANTIC_STORE_MIN_FREE_MB: '0' };
  try {
    const before = await start(environment);
    await before.chat(first, ANSWER, 'bench');
    await before.stored();
    await before[end]();
    const files = extents(directory);
    const paths = files.map(({ path }) => path);
    dropPageCache(paths);
    const rawMillis = rawRead(paths);
    const after = await start(environment);
    dropPageCache(paths);
    const turn = await after.chat(second, ANSWER, 'bench');
    await after.stop();
    return { turn, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0), rawMillis };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const FOLLOW_UP = 'Which of these words came first, and which came last? Answer in one short sentence, and say why that is so.';

function conversation(tokens: number, seed: number): [Message, Message] {
  const words = Array.from({ length: Math.floor(tokens / 3.03) }, (_, i) => `word${(i * 7 + seed) % 97}`).join(' ');
  return [
    { role: 'system', content: `You are assistant number ${seed}.` },
    { role: 'user', content: words },
  ];
}

function extents(directory: string): { readonly path: string; readonly bytes: number }[] {
  const folder = join(directory, 'extents');
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(folder, entry.name))
    .map((path) => ({ path, bytes: statSync(path).size }));
}

/** As any user may: pages of these files alone leave the cache (posix_fadvise DONTNEED). */
function dropPageCache(paths: readonly string[]): void {
  for (const path of paths) execFileSync('dd', [`of=${path}`, 'oflag=nocache', 'conv=notrunc,fdatasync', 'count=0'], { stdio: 'ignore' });
}

function rawRead(paths: readonly string[]): number {
  const start = performance.now();
  for (const path of paths) execFileSync('dd', [`if=${path}`, 'of=/dev/null', 'bs=4M'], { stdio: 'ignore' });
  return performance.now() - start;
}
