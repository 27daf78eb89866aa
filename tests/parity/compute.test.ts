/** What the starter model loses on int8 activations: the rule that `model.compute = "auto"` stands on. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { Compute } from '../../native/index.js';
import { openTokenizer } from '../../src/adapters/tokenizer/open-tokenizer.js';
import { starterModelFile } from '../support/starter-model.js';
import { loadModel, logSoftmax, openEngine, scoreInChunks } from './engines.js';

const TOKENS = 256;
const MOST_KL = 1e-3; // nats per token

it('the starter model on int8 activations is within 1e-3 nats of exact, on two of them within 1e-5', async () => {
  const file = starterModelFile();
  const { tokenizer } = await openTokenizer(file);
  const text = readFileSync(new URL('../../docs/architecture.md', import.meta.url), 'utf8');
  const tokens = [...tokenizer.encode(text, { addSpecialTokens: false }).subarray(0, TOKENS)];
  const logits = async (compute: Compute): Promise<Float32Array> => {
    const engine = openEngine('cpu', { kvFormat: 'f16', compute });
    const scored = await scoreInChunks(await loadModel(engine, file), tokens, 128);
    await engine.close();
    return scored;
  };
  const exact = await logits('exact');
  const kl = async (compute: Compute): Promise<number> => {
    const other = await logits(compute);
    const width = other.length / TOKENS;
    let sum = 0;
    for (let at = 0; at < other.length; at += width) {
      const p = logSoftmax(exact.subarray(at, at + width));
      const q = logSoftmax(other.subarray(at, at + width));
      p.forEach((logP, i) => (sum += Math.exp(logP) * (logP - q[i]!)));
    }
    return sum / TOKENS;
  };
  expect(await kl('int8x2')).toBeLessThan(MOST_KL / 100);
  const int8 = await kl('int8');
  expect(int8).toBeLessThan(MOST_KL);
  expect(int8).toBeGreaterThan(MOST_KL / 100); // it is really int8
});
