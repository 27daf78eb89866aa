/** What is measured: a suite has cases, a case runs against one target at a time and says what came of it. */
import type { NativeEngineOptions } from '../../adapters/mlx/native-engine.js';
import type { Prompts } from '../prompts/prompts.js';
import type { Direction } from '../statistics/verdict.js';
import type { Needs, Target } from '../targets/target.js';

export interface SuiteOptions {
  /** Few and short: that it works, not how fast. */
  readonly quick: boolean;
  /** The shortest context of all targets, tokens. */
  readonly contextTokens: number;
  /** A second installed model; null where none was named. */
  readonly other: string | null;
  /** How this build would run the model in this process; null where the model is not here. */
  readonly inProcess: { readonly model: string; backend(): Promise<NativeEngineOptions> } | null;
}

export interface MeasureSpec {
  readonly name: string;
  readonly unit: string;
  readonly better: Direction;
  /** Whether a gate judges it; tails of few samples say too little. */
  readonly gated: boolean;
}

export function measure(name: string, unit: string, better: Direction): MeasureSpec {
  return { name, unit, better, gated: true };
}

/** One to look at: a gate does not fail on it. */
export function shown(name: string, unit: string, better: Direction): MeasureSpec {
  return { name, unit, better, gated: false };
}

export interface CaseContext {
  readonly prompts: Prompts;
  /** Of this round: the same for every target, another in each round. */
  readonly seed: number;
  readonly signal: AbortSignal;
}

/** One sample of each measure; null where this target has no such thing, or it could not be told. */
export type Sample = Readonly<Record<string, number | null>>;

export interface BenchCase {
  /** Unique in its suite, such as `1024 tokens`. */
  readonly name: string;
  /** Where it lies on the axis of a plot; null where the cases of the suite have none. */
  readonly x: { readonly label: string; readonly value: number } | null;
  readonly measures: readonly MeasureSpec[];
  /** What one run reads and writes, tokens, and what it takes besides, for an estimate of the time. */
  readonly cost: { readonly promptTokens: number; readonly outputTokens: number; readonly seconds: number };
  /** It comes to the same every time: one round says all. */
  readonly isExact?: boolean;
  run(target: Target, context: CaseContext): Promise<Sample>;
}

export interface Suite {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** `any` server of the chat API; `own`: daemons of ours that it starts itself; `this`: code of this build, in this process. */
  readonly of: 'any' | 'own' | 'this';
  /** Null where it can be run with these options, else why not. */
  unavailable?(options: SuiteOptions): string | null;
  needs(options: SuiteOptions): Needs;
  cases(options: SuiteOptions): readonly BenchCase[];
}

/** Those of `lengths` that leave `reserve` tokens of the context; the longest that does where none of them do. */
export function lengthsWithin(lengths: readonly number[], contextTokens: number, reserve: number): readonly number[] {
  const most = Math.max(16, Math.floor((contextTokens - reserve) * LENGTH_MARGIN));
  const fitting = lengths.filter((length) => length <= most);
  return fitting.length > 0 ? fitting : [most];
}

/** A text has about the tokens it should. */
const LENGTH_MARGIN = 0.92;

export const tokensAxis = (value: number): BenchCase['x'] => ({ label: 'tokens of the prompt', value });
export const agentsAxis = (value: number): BenchCase['x'] => ({ label: 'agents', value });
