/**
 * A decoder for sequences longer than those it was trained for: its slowest rotations are slowed down, so that the farthest position turns
 * as far as the last one it knows, its fastest stay, and those between follow the powers between ("NTK-aware" scaling of RoPE, a base of
 * base * factor^(dims / (dims - 2))). It keeps models talking to a few times their length; it is no training.
 */
import type { DecoderSpec, RopeSpec } from './decoder-spec.js';

export function stretchContext(spec: DecoderSpec, contextLength: number): DecoderSpec {
  const factor = contextLength / spec.contextLength;
  if (factor <= 1) return spec;
  // Layers with a window never look farther than they were trained to.
  const far = new Set(spec.layers.flatMap(({ attention }) => (attention?.window === null ? [attention.rope] : [])));
  return { ...spec, contextLength, ropes: spec.ropes.map((rope, i) => (far.has(i) ? stretched(rope, factor) : rope)) };
}

function stretched(rope: RopeSpec, factor: number): RopeSpec {
  const last = rope.inverseFrequencies.length - 1;
  return { ...rope, inverseFrequencies: rope.inverseFrequencies.map((f, i) => (last === 0 ? f / factor : f * factor ** (-i / last))) };
}
