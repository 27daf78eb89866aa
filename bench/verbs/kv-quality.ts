import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { kvQuality as measure } from '../kv-quality.js';
import { figure, table } from '../table.js';
import { ENGINE, engineOptions, verb } from '../verb.js';

export const kvQuality = verb({
  summary: 'what a KV format costs: KL to f32 over the first --score tokens of --text, and decode speed at --depth',
  flags: {
    ...ENGINE,
    rounds: '3',
    text: fileURLToPath(new URL('../../../../docs/architecture.md', import.meta.url)),
    score: '1024',
    depth: '4096',
    decode: '64',
  },
  async run(flags) {
    const [score, depth] = [Number(flags.score), Number(flags.depth)];
    const options = engineOptions(flags);
    const text = readFileSync(flags.text, 'utf8');
    const rows = await measure(options, text, score, depth, Number(flags.decode), Number(flags.rounds));
    return [
      table(
        [
          `KV format, ${options.executor}, ${score} tokens`,
          'bytes a token',
          'mean KL to f32, nats',
          'largest',
          'same best token',
          `decode at ${depth}, tokens/s`,
          'against f16',
        ],
        rows.map((r) => [
          `\`${r.format}\``,
          `${r.bytesPerToken}`,
          r.meanKl.toExponential(1),
          r.largestKl.toExponential(1),
          `${(100 * r.agreement).toFixed(1)} %`,
          figure(r.decodeRate),
          figure(r.decodeShare),
        ]),
      ),
    ];
  },
});
