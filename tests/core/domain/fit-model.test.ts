import { describe, expect, test } from 'vitest';
import { fitModel, type MemoryOffer, type ModelNeed } from '../../../src/core/domain/fit-model.js';
import { ModelCacheSpec } from '../../../src/core/domain/model-cache-spec.js';

/** 30 layers of 3 heads, 64 wide, keys and values in f16: 23,040 bytes a token, 5,898,240 a block. */
const cache = new ModelCacheSpec(
  Array.from({ length: 30 }, () => ({ kvHeads: 3, headDim: 64, window: null })),
  'f16',
);
const need = (changed: Partial<ModelNeed> = {}): ModelNeed => ({ id: 'm', weightBytes: 270e6, parameters: 135e6, cache, ...changed });
const offer = (changed: Partial<MemoryOffer> = {}): MemoryOffer => ({
  budgetBytes: 1_000e6,
  heldBytes: 0,
  scratchBytes: 168e6,
  ...changed,
});
const LEAST = 5_898_240;

describe('fitModel', () => {
  test('says what is left for KV', () => {
    expect(fitModel(need(), offer())).toEqual({ neededBytes: 270e6 + LEAST + 168e6, leastKvBytes: LEAST, kvBytes: 562e6 });
  });

  test('takes a model that fits to the byte, and refuses it with one byte less', () => {
    const exact = 270e6 + LEAST + 168e6;
    expect(fitModel(need(), offer({ budgetBytes: exact })).kvBytes).toBe(LEAST);
    expect(() => fitModel(need(), offer({ budgetBytes: exact - 1 }))).toThrow(
      expect.objectContaining({ code: 'OutOfMemory', status: 503 }),
    );
  });

  test('refuses with every figure, and says in how many bits it would fit, the most first', () => {
    expect(() => fitModel(need(), offer({ budgetBytes: 400e6 }))).toThrow(
      expect.objectContaining({
        code: 'OutOfMemory',
        message:
          '[memory] m needs 444 MB (270 MB of weights, 6 MB of KV for the shortest sequence and 168 MB of scratch), the budget is 400 MB',
        hint:
          'In 8 bits its weights take 144 MB, which fits: semantic models convert m --quantize 8 --name m-8bit ' +
          'A budget of 444 MB holds it: engine.memory_budget_bytes.',
      }),
    );
    expect(() => fitModel(need(), offer({ budgetBytes: 260e6 }))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('In 4 bits its weights take 76 MB') }),
    );
  });

  test('says that others are in the way, where they are', () => {
    expect(() => fitModel(need({ parameters: 4_000e6 }), offer({ heldBytes: 700e6 }))).toThrow(
      expect.objectContaining({
        message: expect.stringContaining('the budget is 1000 MB, of which other models hold 700 MB'),
        hint: 'It fits when the other models leave memory. A budget of 1144 MB holds it: engine.memory_budget_bytes.',
      }),
    );
  });

  test('says what would fit where nothing can be done about this one', () => {
    const packed = need({ weightBytes: 76e6, parameters: 135e6 });
    expect(() => fitModel(packed, offer({ budgetBytes: 200e6 }))).toThrow(
      expect.objectContaining({ hint: 'Weights of up to 27 MB fit. A budget of 250 MB holds it: engine.memory_budget_bytes.' }),
    );
    expect(() => fitModel(packed, offer({ budgetBytes: 100e6 }))).toThrow(
      expect.objectContaining({ hint: expect.stringContaining('No weights fit into what is left.') }),
    );
  });
});
