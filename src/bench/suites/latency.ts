import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { SemanticError } from '../../core/domain/errors.js';
import { percentile } from '../statistics/median.js';
import { firstTokenMillis } from '../targets/stream-chat.js';
import type { Target } from '../targets/target.js';
import { type BenchCase, type CaseContext, lengthsWithin, measure, shown, type Suite, type SuiteOptions } from './suite.js';

export const latency: Suite = {
  name: 'latency',
  summary: 'what a long prompt does to answers being written meanwhile, and to a short request behind it',
  of: 'any',
  needs: (options) => ({ slots: decodersOf(options) + 2, contextTokens: options.contextTokens }),
  cases: (options) => [caseOf(options)],
};

const decodersOf = ({ quick }: SuiteOptions): number => (quick ? 1 : 4);
const longOf = ({ quick, contextTokens }: SuiteOptions): number => lengthsWithin([quick ? 256 : 2_048], contextTokens, 64)[0]!;
const SHORT_AFTER_MS = 250;
const POLL_MS = 5;
/** Pieces of an answer before it counts as being written. */
const WARM_PIECES = 4;

function caseOf(options: SuiteOptions): BenchCase {
  const [decoders, longTokens] = [decodersOf(options), longOf(options)];
  const aloneMillis = options.quick ? 300 : 3_000;
  const maxTokens = Math.max(16, Math.min(4_096, options.contextTokens - 128));
  return {
    name: `a prompt of ${longTokens} tokens beside ${decoders === 1 ? '1 answer' : `${decoders} answers`}`,
    x: null,
    measures: [
      measure('speed kept', '%', 'higher'),
      shown('gap p95', 'ms', 'lower'),
      shown('gap max', 'ms', 'lower'),
      measure('short ttft', 'ms', 'lower'),
      measure('long ttft', 'ms', 'lower'),
    ],
    cost: { promptTokens: longTokens, outputTokens: 0, seconds: aloneMillis / 1000 },
    async run(target, context) {
      const stop = new AbortController();
      const signal = AbortSignal.any([context.signal, stop.signal]);
      const answers = Array.from({ length: decoders }, (_, i) => write(target, context, i, maxTokens, signal));
      try {
        for (const answer of answers) await answer.isBeingWritten();
        const aloneFrom = performance.now();
        await sleep(aloneMillis, undefined, { signal: context.signal });
        const from = performance.now();
        const ask = (content: string) =>
          target.chat({ messages: [{ role: 'user', content }], maxTokens: 1, cache: false }, { signal: context.signal });
        const long = ask(context.prompts.text(longTokens, context.seed));
        long.catch(() => undefined); // awaited below
        await sleep(SHORT_AFTER_MS, undefined, { signal: context.signal });
        const short = await ask('Say hello.');
        const longAnswer = await long;
        const to = longAnswer.sentAt + firstTokenMillis(longAnswer);
        const gaps = answers.flatMap(({ times }) => gapsWithin(times, from, to));
        const alone = rate(answers, aloneFrom, from);
        return {
          'speed kept': alone > 0 ? (100 * rate(answers, from, to)) / alone : null,
          'gap p95': gaps.length > 0 ? percentile(gaps, 0.95) : null,
          'gap max': gaps.length > 0 ? Math.max(...gaps) : null,
          'short ttft': firstTokenMillis(short),
          'long ttft': firstTokenMillis(longAnswer),
        };
      } finally {
        stop.abort();
        await Promise.all(answers.map(({ ended }) => ended));
      }
    },
  };
}

interface Written {
  readonly times: readonly number[];
  isBeingWritten(): Promise<void>;
  readonly ended: Promise<void>;
}

function write(target: Target, { seed }: CaseContext, number: number, maxTokens: number, signal: AbortSignal): Written {
  const times: number[] = [];
  let end: 'runs' | 'done' | Error = 'runs';
  const messages = [{ role: 'user' as const, content: `Write a very long story about the number ${seed * 100 + number}.` }];
  const ended = target.chat({ messages, maxTokens, cache: false }, { signal, onPiece: (time) => void times.push(time) }).then(
    () => void (end = 'done'),
    (error: Error) => void (end = error),
  );
  return {
    times,
    ended,
    async isBeingWritten() {
      while (times.length < WARM_PIECES) {
        if (end instanceof Error) throw end;
        if (end === 'done') throw new SemanticError('PeerFailed', `[bench] an answer of ${target.name} ended before it could be watched`);
        await sleep(POLL_MS);
      }
    },
  };
}

function rate(answers: readonly Written[], from: number, to: number): number {
  const pieces = answers.reduce((sum, { times }) => sum + times.filter((time) => time > from && time <= to).length, 0);
  return (pieces * 1000) / (to - from);
}

/** A gap belongs to the time it ends in. */
function gapsWithin(times: readonly number[], from: number, to: number): number[] {
  return times.flatMap((time, i) => (i > 0 && time > from && time <= to ? [time - times[i - 1]!] : []));
}
