/** When each exchange of a recording is sent again: what it waits for, and how long. */
import type { Exchange } from '../../adapters/recordings/format.js';

/** `max`: without pauses; a number: so many times as fast as it was recorded. */
export type Speed = 'max' | number;

export interface Planned {
  readonly exchange: Exchange;
  /** Ids of those that have to be answered first. */
  readonly after: readonly number[];
  /** Not before so long after the replay began, milliseconds. */
  readonly notBefore: number;
}

/**
 * A turn waits for the answer it goes on from. Without pauses it waits for all that had been answered when it came: so what was at the same
 * time is at the same time again, and what could be found in the cache can be.
 */
export function planReplay(exchanges: readonly Exchange[], speed: Speed): Planned[] {
  const known = new Set(exchanges.map(({ id }) => id));
  const began = exchanges[0]?.at ?? 0;
  return exchanges.map((exchange) => {
    const { predecessor } = exchange;
    const own = predecessor !== null && known.has(predecessor) ? [predecessor] : [];
    if (speed !== 'max') return { exchange, after: own, notBefore: (exchange.at - began) / speed };
    return { exchange, after: [...new Set([...lastBefore(exchange, exchanges), ...own])], notBefore: 0 };
  });
}

/** Those that were answered when it came, without those that one of these has waited for. */
function lastBefore({ id, at }: Exchange, exchanges: readonly Exchange[]): number[] {
  const before = exchanges.filter((other) => other.id < id && other.at + other.totalMs <= at);
  const lastArrival = before.reduce((last, other) => Math.max(last, other.at), -Infinity);
  return before.filter((other) => other.at + other.totalMs > lastArrival || other.at === lastArrival).map((other) => other.id);
}
