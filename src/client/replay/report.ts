/** What a replay came to: every exchange, and all of them together. */
import type { Manifest } from '../../adapters/recordings/format.js';
import type { Comparison } from './compare.js';

export const ASSERTIONS = ['tokens', 'shape', 'cache'] as const;
export type Assertion = (typeof ASSERTIONS)[number];

export interface Change {
  /** Medians, milliseconds; null where there are none. */
  readonly recorded: number | null;
  readonly replayed: number | null;
}

export interface ReplayReport {
  readonly recording: string;
  readonly recordedModel: { readonly name: string; readonly fingerprint: string } | null;
  readonly replayedModel: string | null;
  readonly target: string;
  readonly speed: string;
  readonly exchanges: number;
  /** With another status, or a connection that broke. */
  readonly failed: number;
  /** Left by their clients, then and now. */
  readonly cancelled: number;
  /** No answer of a model was recorded: there was none, or only its status is known. */
  readonly uncompared: number;
  readonly tokens: { readonly answers: number; readonly differing: number };
  readonly shapes: { readonly differing: number };
  /** Prompt tokens that were found in the cache; `lost`: summed over exchanges that found fewer. */
  readonly cache: { readonly recorded: number; readonly replayed: number; readonly lost: number };
  readonly ttftMs: Change;
  readonly totalMs: Change;
  readonly asserted: readonly Assertion[];
  /** Why it is not as it was, a sentence each; empty = it is, as far as that was asserted. */
  readonly verdicts: readonly string[];
  /** Those with something to say: failures, differences, losses. */
  readonly differences: readonly Comparison[];
}

export interface Replayed {
  readonly recording: string;
  readonly manifest: Manifest;
  readonly replayedModel: string | null;
  readonly target: string;
  readonly speed: string;
  readonly cancelled: number;
  readonly comparisons: readonly Comparison[];
}

export function reportOf(replayed: Replayed, asserted: readonly Assertion[]): ReplayReport {
  const { comparisons, manifest, recording, replayedModel, target, speed, cancelled } = replayed;
  const sum = (of: (one: Comparison) => number): number => comparisons.reduce((total, one) => total + of(one), 0);
  const figures = {
    failed: sum(({ failed }) => Number(failed !== null)),
    uncompared: sum(({ comparedBy }) => Number(comparedBy === 'nothing')),
    tokens: { answers: sum(({ differing }) => Number(differing > 0)), differing: sum(({ differing }) => differing) },
    shapes: { differing: sum(({ shape }) => Number(shape !== null)) },
    cache: {
      recorded: sum(({ cached }) => cached?.recorded ?? 0),
      replayed: sum(({ cached }) => cached?.replayed ?? 0),
      lost: sum(lostTokens),
    },
  };
  return {
    recording,
    recordedModel: manifest.model === null ? null : { name: manifest.model.name, fingerprint: manifest.model.fingerprint },
    replayedModel,
    target,
    speed,
    exchanges: comparisons.length,
    cancelled,
    ...figures,
    ttftMs: changeOf(comparisons.map(({ ttftMs }) => ttftMs)),
    totalMs: changeOf(comparisons.map(({ totalMs }) => totalMs)),
    asserted,
    verdicts: verdictsOf(figures, asserted),
    differences: comparisons.filter((one) => one.failed !== null || one.differing > 0 || one.shape !== null || lostTokens(one) > 0),
  };
}

export function lostTokens({ cached }: Comparison): number {
  return cached === null ? 0 : Math.max(0, cached.recorded - cached.replayed);
}

/** What failed is a difference whatever is asserted. */
function verdictsOf(
  { failed, tokens, shapes, cache }: Pick<ReplayReport, 'failed' | 'tokens' | 'shapes' | 'cache'>,
  asserted: readonly Assertion[],
): string[] {
  const verdicts: readonly (readonly [boolean, string])[] = [
    [failed > 0, `${failed} exchanges have another status, or broke off`],
    [asserted.includes('tokens') && tokens.differing > 0, `${tokens.differing} tokens of ${tokens.answers} answers differ`],
    [asserted.includes('shape') && shapes.differing > 0, `${shapes.differing} answers have another shape`],
    [
      asserted.includes('cache') && cache.replayed < cache.recorded,
      `${cache.replayed} prompt tokens were found in the cache, recorded were ${cache.recorded}`,
    ],
  ];
  return verdicts.flatMap(([holds, text]) => (holds ? [text] : []));
}

function changeOf(times: readonly ({ readonly recorded: number; readonly replayed: number } | null)[]): Change {
  const known = times.filter((time) => time !== null);
  return { recorded: median(known.map(({ recorded }) => recorded)), replayed: median(known.map(({ replayed }) => replayed)) };
}

function median(values: readonly number[]): number | null {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length === 0) return null;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
