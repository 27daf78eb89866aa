/** What a long prompt does to answers that are being written meanwhile, and to a short request that comes behind it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { performance } from 'node:perf_hooks';
import type { ChatServer } from './chat-server.js';
import { percentile } from '#src/bench/statistics/median.js';
import { streamChat, type Streamed } from './stream-chat.js';

export interface LatencyLoad {
  /** Answers that are being written all the time. */
  readonly decoders: number;
  /** Long prompts, one after the other, and about how many tokens each has. */
  readonly prompts: number;
  readonly promptTokens: number;
  /** Time the answers are watched for before, and again behind the last of them, milliseconds. */
  readonly aloneMillis: number;
  /** When, after a long prompt was sent, the short request is, milliseconds. */
  readonly shortAfterMillis: number;
}

export interface Gaps {
  /** Pieces of text per second of one answer. */
  readonly rate: number;
  /** Between two pieces of one answer, milliseconds. */
  readonly p50: number;
  readonly p95: number;
  readonly max: number;
}

export interface PrefillLatency {
  readonly alone: Gaps;
  readonly during: Gaps;
  /** Alone again: answers are longer by then, and every step of theirs reads more KV. */
  readonly after: Gaps;
  /** Of all long prompts, and what they took together, milliseconds. */
  readonly promptTokens: number;
  readonly promptMillis: number;
  /** Time to first token of a short request beside the answers alone, and behind a long prompt, milliseconds. */
  readonly shortAlone: number;
  readonly shortDuring: number;
  /** Steps of the answers until that token: prefill goes one chunk a step. */
  readonly shortSteps: number;
}

/** Of the speed that answers have alone: what a piece takes then is the mean of before and after, since it grows with their length. */
export function shareKept({ alone, during, after }: PrefillLatency): number {
  return (during.rate * (1 / alone.rate + 1 / after.rate)) / 2;
}

const WARM_PIECES = 8;

export async function prefillLatency(server: ChatServer, load: LatencyLoad): Promise<PrefillLatency> {
  const stop = new AbortController();
  const decoders = Array.from({ length: load.decoders }, (_, i) => decode(server, i, stop.signal));
  try {
    await Promise.all(decoders.map((decoder) => decoder.reached(WARM_PIECES)));
    const shortAlone = firstToken(await short(server));
    const aloneFrom = performance.now();
    await sleep(load.aloneMillis);
    const duringFrom = performance.now();
    const prompts: Streamed[] = [];
    const shorts: { ttft: number; steps: number }[] = [];
    for (let i = 0; i < load.prompts; i++) {
      const prompt = long(server, load.promptTokens, i);
      await sleep(load.shortAfterMillis);
      const asked = await short(server);
      shorts.push({ ttft: firstToken(asked), steps: within(decoders[0]!.times, asked.sentAt, asked.times[0]!).length });
      prompts.push(await prompt);
    }
    const duringTo = performance.now();
    await sleep(load.aloneMillis);
    const afterTo = performance.now();
    const worst = shorts.toSorted((a, b) => b.ttft - a.ttft)[0]!;
    return {
      alone: gaps(decoders, aloneFrom, duringFrom),
      during: gaps(decoders, duringFrom, duringTo),
      after: gaps(decoders, duringTo, afterTo),
      promptTokens: prompts.reduce((sum, { promptTokens }) => sum + promptTokens, 0),
      promptMillis: prompts.reduce((sum, prompt) => sum + firstToken(prompt), 0),
      shortAlone,
      shortDuring: worst.ttft,
      shortSteps: worst.steps,
    };
  } finally {
    stop.abort();
    await Promise.all(decoders.map((decoder) => decoder.ended));
  }
}

interface Decoder {
  readonly times: readonly number[];
  reached(pieces: number): Promise<void>;
  readonly ended: Promise<void>;
}

/** <|im_end|> and <|endoftext|> of the starter model: an answer that ends early would be watched no more. */
const NEVER_ENDS = { ignore_eos: true, logit_bias: { 0: -100, 2: -100 } };
const DECODER_TOKENS = 7_900; // of the 8,192 there are

function decode(server: ChatServer, number: number, signal: AbortSignal): Decoder {
  const times: number[] = [];
  let failed: Error | null = null;
  const body = {
    ...request(server, `Write a very long story about the number ${number}.`, DECODER_TOKENS),
    ...NEVER_ENDS,
    seed: number,
    temperature: 0.7,
  };
  const ended = streamChat(server.base, body, { signal, onPiece: (time) => void times.push(time) }).then(
    () => undefined,
    (error: Error) => {
      if (!signal.aborted) failed = error;
    },
  );
  return {
    times,
    ended,
    async reached(pieces) {
      while (times.length < pieces) {
        if (failed !== null) throw failed;
        await sleep(5);
      }
    },
  };
}

function short(server: ChatServer): Promise<Streamed> {
  return streamChat(server.base, request(server, 'Say hello.', 1));
}

/** The first words differ, so that nothing of one is of use to the next. */
function long(server: ChatServer, tokens: number, number: number): Promise<Streamed> {
  const words = Array.from({ length: Math.floor(tokens / 3.03) }, (_, i) => `word${(i * 7 + number + 1) % 97}`);
  return streamChat(server.base, request(server, `${number}. ${words.join(' ')}`, 1));
}

function request(server: ChatServer, content: string, maxTokens: number): object {
  const messages = [{ role: 'user', content }];
  return { model: server.model, messages, max_tokens: maxTokens, temperature: 0, cache_prompt: false };
}

function firstToken({ sentAt, times }: Streamed): number {
  if (times[0] === undefined) throw new Error('an answer came without text');
  return times[0] - sentAt;
}

function within(times: readonly number[], from: number, to: number): number[] {
  return times.filter((time) => time > from && time <= to);
}

/** A gap belongs to the time it ends in. */
function gaps(decoders: readonly Decoder[], from: number, to: number): Gaps {
  const all = decoders.flatMap(({ times }) =>
    times.flatMap((time, i) => (i > 0 && time > from && time <= to ? [time - times[i - 1]!] : [])),
  );
  const pieces = decoders.reduce((sum, { times }) => sum + within(times, from, to).length, 0);
  return {
    rate: (pieces * 1000) / (to - from) / decoders.length,
    p50: percentile(all, 0.5),
    p95: percentile(all, 0.95),
    max: percentile(all, 1),
  };
}
