/**
 * What the `cpu` executor's linear layers compute with, the most exact first. The twin of native/src/compute.h.
 * `exact`: f32 activations. `int8x2` and `int8`: activations in groups of 32 as two int8 each or one, times the codes of quantized weights;
 * layers whose weights are not quantized stay exact. Whatever it is, a token's result does not depend on the rest of the batch.
 */
export const COMPUTES = ['exact', 'int8x2', 'int8'] as const;
export type Compute = (typeof COMPUTES)[number];
