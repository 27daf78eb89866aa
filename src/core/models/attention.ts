import type { AttentionSpec, TensorOp } from '../domain/decoder-spec.js';
import type { Geometry } from './geometry.js';
import { type LinearWish, rowsFrom } from './linear.js';
import { linear, norm, type ModelSource } from './model-source.js';

export interface AttentionOptions {
  readonly scale: number;
  /** Index into the decoder's ropes. */
  readonly rope: number;
  readonly window: number | null;
  /** Biases of q, k and v; o has one where the checkpoint does. */
  readonly qkvBias: 'required' | 'optional';
  /** Weight offset of the norms over heads of q and k; null = the family has none. */
  readonly qkNorm: { readonly weightOffset: 0 | 1 } | null;
  /** q, k and v are rows of one matrix. */
  readonly fused?: boolean;
  /** Every head of q is followed by the rows of a gate on what the head gives. */
  readonly gated?: boolean;
  /** Tensor of the sinks, [heads]. */
  readonly sinks?: string;
  readonly softcap?: number | null;
}

export function buildAttention(source: ModelSource, geometry: Geometry, layer: number, options: AttentionOptions): AttentionSpec {
  const { hiddenSize, heads, kvHeads, headDim, eps } = geometry;
  const { names, tensors } = source;
  const stem = (part: 'q' | 'k' | 'v' | 'o' | 'qNorm' | 'kNorm'): string => names.layer(layer, part);
  const firstHead = { q: 0, k: heads, v: heads + kvHeads };
  /** q and its gate take turns, head by head. */
  const halfOfHeads = (half: 0 | 1) => ({
    of: 2 * heads * headDim,
    pick: { op: 'group-rows' as const, groups: heads, start: half * headDim, stop: (half + 1) * headDim },
  });
  const place = (part: 'q' | 'k' | 'v', count: number): Pick<LinearWish, 'stem' | 'rows'> => {
    if (options.fused) {
      const pick = rowsFrom(firstHead[part] * headDim, count * headDim);
      return { stem: names.layer(layer, 'qkv'), rows: { of: (heads + 2 * kvHeads) * headDim, pick } };
    }
    return part === 'q' && options.gated ? { stem: stem(part), rows: halfOfHeads(0) } : { stem: stem(part) };
  };
  const project = (part: 'q' | 'k' | 'v', count: number): LinearWish => ({
    ...place(part, count),
    inFeatures: hiddenSize,
    outFeatures: count * headDim,
    bias: options.qkvBias,
    rowOps: part !== 'v' && names.permutedRope ? unpermute(count) : [],
  });
  const headNorm = (part: 'qNorm' | 'kNorm') =>
    options.qkNorm === null ? null : norm(source, stem(part), headDim, eps, options.qkNorm.weightOffset);
  return {
    heads,
    kvHeads,
    headDim,
    scale: options.scale,
    q: linear(source, project('q', heads)),
    k: linear(source, project('k', kvHeads)),
    v: linear(source, project('v', kvHeads)),
    ...(options.gated ? { gate: linear(source, { ...project('q', heads), rows: halfOfHeads(1) }) } : {}),
    o: linear(source, { stem: stem('o'), inFeatures: heads * headDim, outFeatures: hiddenSize, bias: 'optional' }),
    qNorm: headNorm('qNorm'),
    kNorm: headNorm('kNorm'),
    rope: options.rope,
    window: options.window,
    sinks: options.sinks === undefined ? null : tensors.floats(options.sinks, [heads]),
    softcap: options.softcap ?? null,
  };
}

function unpermute(heads: number): readonly TensorOp[] {
  return [{ op: 'unpermute-rope', heads }];
}
