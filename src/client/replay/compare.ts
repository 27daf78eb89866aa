/** What is not as it was recorded, of one exchange. */
import { type Answer, answerOf } from '../../adapters/recordings/answer.js';
import type { Exchange } from '../../adapters/recordings/format.js';
import type { Answered } from './send.js';

export interface Comparison {
  readonly id: number;
  readonly method: string;
  readonly path: string;
  readonly status: { readonly recorded: number | null; readonly replayed: number | null };
  /** The status is another one, or the connection broke. */
  readonly failed: string | null;
  /** By ids, by text where ids are not known on both sides, or not at all where no answer was recorded. */
  readonly comparedBy: 'ids' | 'text' | 'nothing';
  /** Tokens that are not the recorded ones; characters where it is compared by text. */
  readonly differing: number;
  /** Index of the first of them; null where there is none. */
  readonly firstDifference: number | null;
  /** What kinds of things the answer consists of, in words, where they are others. */
  readonly shape: { readonly recorded: string; readonly replayed: string } | null;
  /** Prompt tokens found in the cache; null where it was not recorded, or the target does not say. */
  readonly cached: { readonly recorded: number; readonly replayed: number } | null;
  readonly ttftMs: { readonly recorded: number; readonly replayed: number } | null;
  readonly totalMs: { readonly recorded: number; readonly replayed: number } | null;
}

export function compare(recorded: Exchange, replayed: Answered): Comparison {
  const { id, method, path } = recorded;
  const was = answerOf(recorded);
  const is = answerOf({ ...replayed, path });
  const tokens = compareTokens(recorded, replayed, was, is);
  // Lists and errors say nothing of how fast answers are.
  const hasTimes = was !== null && replayed.broken === null && recorded.cancelled === null && is !== null;
  return {
    id,
    method,
    path,
    status: { recorded: recorded.status, replayed: replayed.status },
    failed: failureOf(recorded, replayed),
    ...tokens,
    shape: recorded.cancelled === null ? shapesOf(was, is) : null,
    cached: cachedOf(recorded, replayed),
    ttftMs:
      hasTimes && recorded.firstMs !== null && replayed.firstMs !== null
        ? { recorded: recorded.firstMs, replayed: replayed.firstMs }
        : null,
    totalMs: hasTimes && recorded.firstMs !== null ? { recorded: recorded.totalMs, replayed: replayed.totalMs } : null,
  };
}

function failureOf({ status, cancelled }: Exchange, { broken, status: now, cancelled: left }: Answered): string | null {
  if (broken !== null) return broken;
  if (left !== null || cancelled !== null) return null; // it went away, as it did then
  if (status === null || status === now) return null;
  return `status ${now}, recorded was ${status}`;
}

type Tokens = Pick<Comparison, 'comparedBy' | 'differing' | 'firstDifference'>;

function compareTokens(recorded: Exchange, replayed: Answered, was: Answer | null, is: Answer | null): Tokens {
  const ids = (exchange: Pick<Exchange, 'generations'>): readonly (readonly number[])[] | null => {
    const all = exchange.generations.map(({ tokens }) => tokens);
    return all.length > 0 && all.every((one) => one !== null) ? all : null;
  };
  const [before, now] = [ids(recorded), ids(replayed)];
  if (before !== null && now !== null) return differences('ids', before.flat(), now.flat());
  if (was === null) return { comparedBy: 'nothing', differing: 0, firstDifference: null };
  const [text, other] = [wholeText(was), is === null ? '' : wholeText(is)];
  // Who went away has heard a part, and how much of it had been sent is up to the network.
  const heard = recorded.cancelled === null ? Math.max(text.length, other.length) : Math.min(text.length, other.length);
  return differences('text', [...text.slice(0, heard)], [...other.slice(0, heard)]);
}

function differences<T>(comparedBy: 'ids' | 'text', was: readonly T[], is: readonly T[]): Tokens {
  let [differing, first]: [number, number | null] = [0, null];
  for (let i = 0; i < Math.max(was.length, is.length); i++) {
    if (was[i] === is[i]) continue;
    differing += 1;
    first ??= i;
  }
  return { comparedBy, differing, firstDifference: first };
}

function wholeText({ text, thinking, calls }: Answer): string {
  return [thinking, text, ...calls.map((call) => `${call.name}(${call.arguments})`)].join('\n');
}

function shapesOf(was: Answer | null, is: Answer | null): Comparison['shape'] {
  if (was === null) return null;
  const [recorded, replayed] = [shapeOf(was), is === null ? 'no answer' : shapeOf(is)];
  return recorded === replayed ? null : { recorded, replayed };
}

/** Such as `thinking, text, call weather(place), tool_use`. */
function shapeOf({ text, thinking, calls, finish }: Answer): string {
  return [
    ...(thinking === '' ? [] : ['thinking']),
    ...(text.trim() === '' ? [] : ['text']),
    ...calls.map((call) => `call ${call.name}(${argumentNames(call.arguments)})`),
    ...finish,
  ].join(', ');
}

function argumentNames(json: string): string {
  try {
    return Object.keys(JSON.parse(json) as object).join(', ');
  } catch {
    return 'text';
  }
}

/** Of streams that were left nobody is told what was found; and what was not recorded cannot be lost. */
function cachedOf(recorded: Exchange, replayed: Answered): Comparison['cached'] {
  if (recorded.usage === null || replayed.generations.length === 0) return null;
  const replayedTokens = replayed.generations.reduce((sum, { cachedTokens }) => sum + cachedTokens, 0);
  return { recorded: recorded.usage.cachedTokens, replayed: replayedTokens };
}
