/** The starter model against mlx-lm on the same weights: see tests/fixtures/smollm2/generate.py. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExecutorKind } from '../../native/index.js';
import type { NativeEngine } from '../../src/adapters/mlx/native-engine.js';
import type { NativeRunner } from '../../src/adapters/mlx/native-runner.js';
import { openTokenizer } from '../../src/adapters/tokenizer/open-tokenizer.js';
import { starterModelFile } from '../support/starter-model.js';
import { continueBatch, loadModel, openEngine, type Continuation } from './engines.js';

interface Case {
  readonly prompt: readonly number[];
  /** [token, log-probability, runner-up, its log-probability] */
  readonly steps: readonly (readonly [number, number, number, number])[];
  readonly answer: string;
}

const TIE = 1e-3; // nats
const golden = JSON.parse(readFileSync(new URL('../fixtures/smollm2/golden.json', import.meta.url), 'utf8')) as {
  readonly cases: readonly Case[];
};
const model = process.env['SEMANTIC_TEST_MODEL'] ?? starterModelFile();

/** MLX's stock CPU kernels manage some ten tokens a second here, so the graph executor answers fewer prompts, shorter. */
const SIZES: Readonly<Record<ExecutorKind, { readonly prompts: number; readonly tokens: number; readonly chunks: readonly number[] }>> = {
  cpu: { prompts: golden.cases.length, tokens: 48, chunks: [Infinity, 7] },
  mlx: { prompts: 2, tokens: 8, chunks: [16] },
};

/** Steps in which `ours` is as mlx-lm: all of them, or up to a point where two candidates are tied, which is printed. */
function expectSameAnswer(ours: Continuation, { steps }: Case, label: string): void {
  for (const [i, token] of ours.tokens.entries()) {
    const [theirs, logprob, runnerUp, runnerUpLogprob] = steps[i]!;
    const mine = ours.logprobs[i]!;
    if (token !== theirs) {
      console.log(
        `${label}: token ${i} is ${token} (${mine}), mlx-lm's ${theirs} (${logprob}), its runner-up ${runnerUp} (${runnerUpLogprob})`,
      );
      expect(token, `token ${i} of ${label}`).toBe(runnerUp);
      expect(logprob - runnerUpLogprob, `tie at token ${i} of ${label}`).toBeLessThanOrEqual(TIE);
      return;
    }
    expect(Math.abs(mine - logprob), `log-probability of token ${i} of ${label}`).toBeLessThanOrEqual(TIE);
  }
}

describe.each(['cpu', 'mlx'] as const)('SmolLM2 on the %s executor', (executor) => {
  const { prompts, tokens, chunks } = SIZES[executor];
  const cases = golden.cases.slice(0, prompts);
  let engine: NativeEngine;
  let runner: NativeRunner;

  beforeAll(async () => {
    engine = openEngine(executor);
    runner = await loadModel(engine, model);
  });

  afterAll(async () => {
    await engine.close();
  });

  it.each(chunks)(`answers ${prompts} prompts with the ${tokens} tokens of mlx-lm, prefilled in chunks of %d`, async (chunk) => {
    const batch = await continueBatch(
      runner,
      cases.map(({ prompt }) => prompt),
      chunk,
      tokens,
    );
    cases.forEach((wanted, i) => expectSameAnswer(batch[i]!, wanted, `prompt ${i}`));
  });

  it('writes the text that mlx-lm writes', async () => {
    const { tokenizer } = await openTokenizer(model);
    const [ours] = await continueBatch(runner, [cases[0]!.prompt], 64, tokens);
    const text = tokenizer.decode(ours!.tokens, { skipSpecialTokens: false });
    expect(cases[0]!.answer.startsWith(text)).toBe(true);
    expect(text.length).toBeGreaterThan(tokens);
  });
});
