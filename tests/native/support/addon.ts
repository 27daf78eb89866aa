import { createRequire } from 'node:module';
import type * as Native from '../../../native/index.js';

const require = createRequire(import.meta.url);

/** The addon as the build left it. */
export const native = require('../../../native/build/semantic.node') as typeof Native;

export const ENGINE_OPTIONS: Native.EngineOptions = {
  threads: 2,
  memoryBudgetBytes: 1e9,
  bufferCacheBytes: 16e6,
  instructionSet: 'auto',
};

export const GREEDY: Native.SamplingOptions = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  biasTokens: new Int32Array(),
  biasValues: new Float32Array(),
  seed: 0n,
  topLogprobs: 0,
};

export interface PlanEntry {
  readonly sequence: Native.SequenceId;
  readonly tokens: ArrayLike<number>;
  readonly sample?: boolean;
}

export function plan(entries: readonly PlanEntry[], logits: Native.StepPlan['logits'] = 'none'): Native.StepPlan {
  return {
    sequences: Int32Array.from(entries, (e) => e.sequence),
    counts: Int32Array.from(entries, (e) => e.tokens.length),
    tokens: Int32Array.from(entries.flatMap((e) => Array.from(e.tokens))),
    sample: Uint8Array.from(entries, (e) => (e.sample === true ? 1 : 0)),
    logits,
  };
}

/** What a promise rejects with; fails the test when it resolves. */
export async function rejection(promise: Promise<unknown>): Promise<Native.NativeError> {
  try {
    await promise;
  } catch (error) {
    return error as Native.NativeError;
  }
  throw new Error('expected a rejection');
}
