/** What constraints cost: compiling them, their masks, and a decode step with a mask beside one without. */
import { openTokenizer } from '#src/adapters/tokenizer/open-tokenizer.js';
import { loadConfig } from '#src/adapters/config/load-config.js';
import { GrammarCompiler } from '#src/core/constraints/grammar-compiler.js';
import { GREEDY } from '#src/core/domain/sampling.js';
import type { OutputConstraint } from '#src/core/domain/output-constraint.js';
import type { CompiledConstraint, ModelRunner, Tokenizer } from '#src/core/ports.js';
import { constraintLimits } from '#src/server/constraint-limits.js';
import { CASES } from './constrained-cases.js';
import { type OursOptions, openModel } from './ours.js';

export interface ConstrainedCost {
  readonly name: string;
  readonly compileMillis: readonly number[];
  /** Mask and accept, for each token of the first answer and of the later ones. */
  readonly firstMillis: readonly number[];
  readonly laterMillis: readonly number[];
  /** Wall time of steps of the later answers, mask and accept left out. */
  readonly maskedStepMillis: readonly number[];
  /** Of as many steps without a mask, in turn with them. */
  readonly freeStepMillis: readonly number[];
}

export interface ConstrainedWork {
  readonly answers: number;
  readonly maxTokens: number;
}

/** The first figure is what the first constraint of all waits for besides: the tree of the vocabulary. */
export async function constrainedCost(
  options: OursOptions,
  work: ConstrainedWork,
): Promise<{ treeMillis: number; costs: ConstrainedCost[] }> {
  const { tokenizer } = await openTokenizer(options.model);
  const { native, runner } = await openModel(options);
  const limits = constraintLimits(loadConfig({ environment: {}, workingDirectory: '/', flags: {} }).constraints);
  const compiler = (): GrammarCompiler => new GrammarCompiler(tokenizer, runner.vocabSize, limits);
  try {
    const warm = compiler();
    const treeMillis = await timed(() => warm.compile({ kind: 'regex', pattern: 'a' }));
    const costs: ConstrainedCost[] = [];
    for (const { name, prompt, constraint } of CASES) {
      const compileMillis: number[] = [];
      let compiled: CompiledConstraint | null = null;
      for (let round = 0; round < work.answers; round++) {
        const spaced = paddedBy(constraint, round); // the same constraint is compiled once only
        compileMillis.push(await timed(async () => (compiled = await warm.compile(spaced))));
      }
      costs.push({ name, compileMillis, ...(await answerCost(runner, tokenizer, compiled!, prompt, work)) });
    }
    return { treeMillis, costs };
  } finally {
    await runner.unload();
    await native.close();
  }
}

async function answerCost(
  runner: ModelRunner,
  tokenizer: Tokenizer,
  compiled: CompiledConstraint,
  prompt: string,
  { answers, maxTokens }: ConstrainedWork,
): Promise<Omit<ConstrainedCost, 'name' | 'compileMillis'>> {
  const [firstMillis, laterMillis, maskedStepMillis, freeStepMillis]: [number[], number[], number[], number[]] = [[], [], [], []];
  const ids = tokenizer.encode(`<|im_start|>user\n${prompt}<|im_end|>\n<|im_start|>assistant\n`, { addSpecialTokens: false });
  for (let i = 0; i < answers; i++) {
    const constraint = compiled.start();
    const [masked, free] = [
      await runner.createSequence({ ...GREEDY, temperature: 0.7, seed: BigInt(i) }),
      await runner.createSequence(GREEDY),
    ];
    let [tokens, others] = [ids, ids];
    for (let n = 0; n < maxTokens; n++) {
      let mask: Uint32Array | null = null;
      let cost = await timed(() => (mask = constraint.mask(tokenizer.stopTokenIds)));
      let token = -1;
      const step = await timed(async () => {
        token = (await runner.step({ entries: [{ sequence: masked, tokens, sample: true, mask: mask! }] })).samples[0]!.token;
      });
      let other = -1;
      const freeStep = await timed(async () => {
        other = (await runner.step({ entries: [{ sequence: free, tokens: others, sample: true }] })).samples[0]!.token;
      });
      if (n > 0 && i > 0) {
        maskedStepMillis.push(step);
        freeStepMillis.push(freeStep);
      }
      const isEnd = tokenizer.stopTokenIds.includes(token);
      if (!isEnd) cost += await timed(() => constraint.accept(token));
      (i === 0 ? firstMillis : laterMillis).push(cost);
      if (isEnd) break;
      [tokens, others] = [Int32Array.of(token), Int32Array.of(other)];
    }
    await runner.dropSequence(masked);
    await runner.dropSequence(free);
  }
  return { firstMillis, laterMillis, maskedStepMillis, freeStepMillis };
}

/** The same in other words, so that nothing remembered is of use. */
function paddedBy(constraint: OutputConstraint, round: number): OutputConstraint {
  if (constraint.kind === 'json_schema') return { ...constraint, schema: { ...(constraint.schema as object), $comment: `${round}` } };
  if (constraint.kind === 'regex') return { ...constraint, pattern: `${constraint.pattern}(${'(?:)'.repeat(round)})` };
  return constraint;
}

async function timed(run: () => unknown): Promise<number> {
  const start = performance.now();
  const result = run();
  if (result instanceof Promise) await result;
  return performance.now() - start;
}
