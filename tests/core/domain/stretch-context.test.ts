import { expect, test } from 'vitest';
import type { DecoderSpec, LayerSpec } from '../../../src/core/domain/decoder-spec.js';
import { stretchContext } from '../../../src/core/domain/stretch-context.js';
import { buildRope } from '../../../src/core/models/rope.js';

const rope = (base: number) => buildRope(64, base, { kind: 'default' });
const layer = (of: number, window: number | null): LayerSpec => ({ attention: { rope: of, window } }) as unknown as LayerSpec;
const spec = {
  contextLength: 8192,
  ropes: [rope(100_000), rope(10_000)],
  layers: [layer(0, null), layer(1, 512)],
} as unknown as DecoderSpec;

test.each([1.5, 2, 4])(
  'a context %s times as long has the frequencies of the base that transformers’ dynamic rule takes there',
  (factor) => {
    const stretched = stretchContext(spec, 8192 * factor);
    expect(stretched.contextLength).toBe(8192 * factor);
    const wanted = rope(100_000 * factor ** (64 / 62)).inverseFrequencies;
    stretched.ropes[0]!.inverseFrequencies.forEach((f, i) => expect(f / wanted[i]!).toBeCloseTo(1, 12));
  },
);

test('its last position turns the slowest pair as far as the last one that was trained', () => {
  const slowest = (of: DecoderSpec): number => of.ropes[0]!.inverseFrequencies.at(-1)! * of.contextLength;
  expect(slowest(stretchContext(spec, 20_000))).toBeCloseTo(slowest(spec), 9);
});

test('layers with a window look no farther than before, and a context that was trained stays as it is', () => {
  expect(stretchContext(spec, 16_384).ropes[1]).toBe(spec.ropes[1]);
  expect(stretchContext(spec, 8192)).toBe(spec);
  expect(stretchContext(spec, 4096)).toBe(spec);
});
