import { constrainedCost } from '../constrained.js';
import { median, percentile } from '#src/bench/statistics/median.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

export const constrained = verb({
  summary: 'compiling constraints, their masks, and decode steps with one beside steps without, over --answers answers each',
  flags: { ...ENGINE, answers: '6', tokens: '100' },
  async run(flags, progress) {
    const { treeMillis, costs } = await constrainedCost(engineOptions(flags), {
      answers: Number(flags.answers),
      maxTokens: Number(flags.tokens),
    });
    progress(`tree of the vocabulary and a first constraint: ${figure(treeMillis)} ms`);
    return [
      table(
        [
          '',
          'compile, ms',
          'mask, first answer: mean',
          'max',
          'mask, later: p50',
          'p99',
          'mean, ms',
          'step without, ms',
          'step with / without',
          'mask / step',
        ],
        costs.map(({ name, compileMillis, firstMillis, laterMillis, maskedStepMillis, freeStepMillis }) => [
          name,
          figure(median(compileMillis)),
          figure(mean(firstMillis)),
          figure(Math.max(...firstMillis)),
          figure(median(laterMillis)),
          figure(percentile(laterMillis, 0.99)),
          figure(mean(laterMillis)),
          figure(median(freeStepMillis)),
          figure(median(maskedStepMillis) / median(freeStepMillis)),
          figure(mean(laterMillis) / median(freeStepMillis)),
        ]),
      ),
    ];
  },
});
