import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { locateModel } from '../../adapters/hub/locate-model.js';
import { configDirectory } from '../../adapters/paths/paths.js';
import { firstTokens, score } from '../quality/divergence.js';
import { openModel } from '../quality/open-model.js';
import { type BenchCase, measure, shown, type Suite, type SuiteOptions } from './suite.js';

const TOKENS = 1_024;
const QUICK_TOKENS = 128;

export const quality: Suite = {
  name: 'quality',
  summary: 'perplexity of the model as it is served, and how far it is from exact arithmetic (KL), on a text of the project',
  of: 'this',
  unavailable: ({ inProcess }) => (inProcess === null ? 'the model is not on this machine' : null),
  needs: ({ contextTokens }) => ({ slots: 1, contextTokens }),
  cases: (options) => [caseOf(options)],
};

function caseOf({ quick, contextTokens, inProcess }: SuiteOptions): BenchCase {
  const tokens = Math.min(quick ? QUICK_TOKENS : TOKENS, contextTokens - 1);
  return {
    name: `${tokens} tokens`,
    x: null,
    isExact: true,
    measures: [
      measure('perplexity', '', 'lower'),
      measure('mean KL', 'nats', 'lower'),
      shown('largest KL', 'nats', 'lower'),
      shown('same best token', '%', 'higher'),
    ],
    cost: { promptTokens: 2 * tokens, outputTokens: 0, seconds: 2 },
    async run() {
      const model = locateModel(inProcess!.model).path;
      const { threads, executor, kvFormat, compute } = await inProcess!.backend();
      const text = readFileSync(join(configDirectory(), 'bench', 'quality.txt'), 'utf8');
      const ids = await firstTokens(model, text, tokens);
      const exact = await openModel({ model, threads, executor, kvFormat: 'f32', compute: 'exact' });
      try {
        const served = await openModel({ model, threads, executor, kvFormat, compute });
        try {
          const [, found] = await score([exact, served], ids);
          const { perplexity, meanKl, largestKl, agreement } = found!;
          return { perplexity, 'mean KL': meanKl, 'largest KL': largestKl, 'same best token': 100 * agreement };
        } finally {
          await served.native.close();
        }
      } finally {
        await exact.native.close();
      }
    },
  };
}
