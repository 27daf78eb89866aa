import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ConfigReader } from '../../../src/core/models/config-reader.js';
import { readRope } from '../../../src/core/models/rope-config.js';
import { buildRope } from '../../../src/core/models/rope.js';

const { cases } = JSON.parse(readFileSync(new URL('../../fixtures/models/ropes.json', import.meta.url), 'utf8')) as {
  cases: Record<
    string,
    { config: { head_dim: number } & Record<string, unknown>; inverse_frequencies: number[]; attention_factor: number }
  >;
};

describe('rotary frequencies', () => {
  it.each(Object.keys(cases))('of %s equal those of transformers', (name) => {
    const { config, inverse_frequencies: wanted, attention_factor: factor } = cases[name]!;
    const rope = readRope(new ConfigReader('test', config), { headDim: config.head_dim });
    expect(rope.dims).toBe(config.head_dim);
    rope.inverseFrequencies.forEach((f, i) => expect(f / wanted[i]!).toBeCloseTo(1, 9));
    expect(rope.attentionFactor).toBeCloseTo(factor, 9);
  });

  it('say the same whether config.json nests rope_theta (transformers 5) or not', () => {
    const { rope_theta: base, ...scaling } = cases['llama-3.1-8b']!.config['rope_parameters'] as Record<string, unknown>;
    const flat = readRope(new ConfigReader('test', { rope_theta: base, rope_scaling: scaling }), { headDim: 128 });
    const nested = readRope(new ConfigReader('test', cases['llama-3.1-8b']!.config), { headDim: 128 });
    expect(flat).toEqual(nested);
  });

  it('are divided by the factors of a GGUF file', () => {
    const plain = buildRope(8, 10_000, { kind: 'default' }).inverseFrequencies;
    expect(buildRope(8, 10_000, { kind: 'factors', attentionFactor: 1, factors: [1, 2, 4, 8] }).inverseFrequencies).toEqual(
      plain.map((f, i) => f / 2 ** i),
    );
  });

  it('never fall below the plain ones divided by the factor, nor rise above them, whatever the scaling', () => {
    const scaling = fc.oneof(
      fc.record({ rope_type: fc.constant('linear'), factor: fc.double({ min: 1, max: 64, noNaN: true }) }),
      fc.record({
        rope_type: fc.constant('llama3'),
        factor: fc.double({ min: 1, max: 64, noNaN: true }),
        original_max_position_embeddings: fc.integer({ min: 64, max: 65536 }),
      }),
      fc.record({
        rope_type: fc.constant('yarn'),
        factor: fc.double({ min: 1, max: 64, noNaN: true }),
        original_max_position_embeddings: fc.integer({ min: 256, max: 65536 }),
        truncate: fc.boolean(),
      }),
    );
    fc.assert(
      fc.property(scaling, fc.constantFrom(32, 64, 128, 256), fc.constantFrom(1e4, 1.5e5, 1e6), (rope_scaling, headDim, base) => {
        const rope = readRope(new ConfigReader('test', { rope_theta: base, rope_scaling, max_position_embeddings: 4096 }), { headDim });
        const plain = buildRope(headDim, base, { kind: 'default' }).inverseFrequencies;
        rope.inverseFrequencies.forEach((f, i) => {
          expect(f).toBeLessThanOrEqual(plain[i]! * (1 + 1e-12));
          expect(f).toBeGreaterThanOrEqual((plain[i]! / rope_scaling.factor) * (1 - 1e-12));
        });
      }),
    );
  });
});
