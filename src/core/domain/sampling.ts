/** Validated sampling settings of one request; see native/index.d.ts for the exact order of operations. */
export interface SamplingParams {
  readonly temperature: number; // 0 = greedy
  readonly topK: number; // 0 = off
  readonly topP: number; // 1 = off
  readonly minP: number; // 0 = off
  readonly repetitionPenalty: number; // 1 = off
  readonly frequencyPenalty: number; // 0 = off
  readonly presencePenalty: number; // 0 = off
  readonly logitBias: ReadonlyMap<number, number>; // token id -> added logit
  readonly seed: bigint; // uint64
  readonly topLogprobs: number; // 0..20
  /** What was sampled before, where an interrupted answer goes on: draws and penalties count from there. */
  readonly sampled?: Int32Array;
}

/** The likeliest token each time, nothing changed about the distribution. */
export const GREEDY: SamplingParams = {
  temperature: 0,
  topK: 0,
  topP: 1,
  minP: 0,
  repetitionPenalty: 1,
  frequencyPenalty: 0,
  presencePenalty: 0,
  logitBias: new Map(),
  seed: 0n,
  topLogprobs: 0,
};
