import { readFileSync } from 'node:fs';

import { locateModel } from '#src/adapters/hub/locate-model.js';

import { openEmbedding } from '../embedding.js';
import { median } from '#src/bench/statistics/median.js';
import { sentenceTransformers } from '../peers/sentence-transformers.js';
import { figure, table } from '../table.js';
import { ENGINE, verb } from '../verb.js';

const GOLDEN = new URL('../../../../tests/fixtures/embeddings/all-minilm-l6-v2.json', import.meta.url); // from bench/dist/bench/verbs

/** By their length: a search's question, a sentence, a paragraph. */
const KINDS: readonly (readonly [string, (words: number) => boolean])[] = [
  ['short', (words) => words < 8],
  ['a sentence', (words) => words >= 8 && words < 25],
  ['a paragraph', (words) => words >= 60],
];

export const embeddings = verb({
  summary: 'sentences per second of the embedding model, beside sentence-transformers',
  flags: {
    model: 'all-minilm-l6-v2',
    threads: ENGINE.threads,
    executor: ENGINE.executor,
    slice: '256',
    count: '256',
    rounds: '5',
    python: '',
  },
  async run(flags, progress) {
    const { path: folder } = locateModel(flags.model);
    const [threads, rounds] = [Number(flags.threads), Number(flags.rounds)];
    const all = (JSON.parse(readFileSync(GOLDEN, 'utf8')) as { sentences: string[] }).sentences;
    const executor = flags.executor as 'cpu' | 'mlx';
    const ours = await openEmbedding({ folder, threads, executor, maxTokens: 256, sliceTokens: Number(flags.slice) });
    const rows: string[][] = [];
    for (const [name, suits] of KINDS) {
      const some = all.filter((text) => suits(text.split(' ').length));
      const sentences = Array.from({ length: Number(flags.count) }, (_, i) => some[i % some.length]!);
      const tokens = ours.tokens(sentences) / sentences.length;
      for (const alone of [true, false]) {
        progress(`${name}, ${alone ? 'one by one' : 'in batches'}`);
        await ours.measure(sentences.slice(0, 32), alone);
        const rates: number[] = [];
        for (let i = 0; i < rounds; i++) rates.push(await ours.measure(sentences, alone));
        const peer = { batch: alone ? 1 : 32, threads, sentences, rounds };
        const theirs = flags.python === '' ? Number.NaN : median(await sentenceTransformers(flags.python, folder, peer));
        const rate = median(rates);
        const how = alone ? 'one by one' : 'in batches';
        rows.push([
          `${name}, ${Math.round(tokens)} tokens`,
          how,
          figure(rate),
          figure(rate * tokens),
          figure(theirs),
          figure(rate / theirs),
        ]);
      }
    }
    await ours.close();
    return [table(['input', '', 'ours, inputs/s', 'tokens/s', 'sentence-transformers, inputs/s', 'ratio'], rows)];
  },
});
