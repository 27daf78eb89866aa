import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readCheckpoint } from '../../../src/adapters/model-files/read-checkpoint.js';
import type { DecoderSpec } from '../../../src/core/domain/decoder-spec.js';
import { type FingerprintParts, fingerprintOf, KV_FORMAT_VERSION } from '../../../src/core/engine/fingerprint.js';
import { buildDecoderSpec } from '../../../src/core/models/registry.js';
import { MODELS } from '../../adapters/model-files/damage.js';

const spec = buildDecoderSpec(await readCheckpoint(join(MODELS, 'gemma3-text-bf16')));
const parts: FingerprintParts = {
  weights: 'a'.repeat(64),
  tokenizer: 'b'.repeat(64),
  template: { templates: { default: '{{ messages }}', toolUse: null }, namedTokens: { bos_token: '<s>' } },
  spec,
  kvLayout: 'cpu/panel16/f16',
};

/** The spec with the first layer's attention, or the first RoPE table, changed. */
function respec(attention: object, rope: object = {}): DecoderSpec {
  const [layer, ...layers] = spec.layers;
  const [table, ...ropes] = spec.ropes;
  return {
    ...spec,
    layers: [{ ...layer!, attention: { ...layer!.attention!, ...attention } }, ...layers],
    ropes: [{ ...table!, ...rope }, ...ropes],
  };
}

test('each ingredient changes it', () => {
  const [first, ...frequencies] = spec.ropes[0]!.inverseFrequencies;
  const others: FingerprintParts[] = [
    parts,
    { ...parts, weights: 'c'.repeat(64) },
    { ...parts, tokenizer: 'c'.repeat(64) },
    { ...parts, weights: parts.tokenizer, tokenizer: parts.weights },
    { ...parts, template: { templates: { default: '{{ messages }} ', toolUse: null }, namedTokens: { bos_token: '<s>' } } },
    { ...parts, template: { templates: { default: '{{ messages }}', toolUse: null }, namedTokens: {} } },
    { ...parts, spec: respec({ window: 77 }) },
    { ...parts, spec: respec({ scale: Number.POSITIVE_INFINITY }) },
    { ...parts, spec: respec({ scale: null }) },
    { ...parts, spec: respec({}, { inverseFrequencies: [first! * (1 + Number.EPSILON), ...frequencies] }) },
    { ...parts, spec: respec({}, { attentionFactor: 1.25 }) },
    { ...parts, kvLayout: 'cpu/panel16/f32' },
    { ...parts, formatVersion: KV_FORMAT_VERSION + 1 },
  ];
  const prints = others.map(fingerprintOf);
  expect(new Set(prints).size).toBe(others.length);
  for (const print of prints) expect(print).toMatch(/^[0-9a-f]{64}$/);
});

test('the order of fields makes no difference, and saying the version that is anyway neither', () => {
  const turned = Object.fromEntries(Object.entries(parts).toReversed()) as unknown as FingerprintParts;
  const inner = { ...turned, spec: Object.fromEntries(Object.entries(spec).toReversed()) as unknown as DecoderSpec };
  expect(Object.keys(inner)).not.toEqual(Object.keys(parts));
  expect(fingerprintOf(inner)).toBe(fingerprintOf(parts));
  expect(fingerprintOf({ ...parts, formatVersion: KV_FORMAT_VERSION })).toBe(fingerprintOf(parts));
});
