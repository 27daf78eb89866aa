/** Everything about one request, for a reader. */
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import { formatCount } from '../format/count.js';
import { milliseconds, rate } from './figures.js';

export function describeSequence(sequence: SchedulerBody['sequences'][number]): string[] {
  const rows = [
    ['state', sequence.state],
    ['class', sequence.class],
    ['key', sequence.key],
    ['prompt', `${formatCount(sequence.prompt_tokens, 'token')}, ${sequence.cached_tokens} of them were in the cache`],
    [
      'answer',
      `${sequence.output_tokens} of at most ${formatCount(sequence.max_tokens, 'token')}, ${rate(sequence.tokens_per_second)} tok/s`,
    ],
    ['kv', formatCount(sequence.kv_tokens, 'token')],
    ['came', `${milliseconds(sequence.age_ms)} ago`],
    ['waited', milliseconds(sequence.waited_ms)],
    ['first token', sequence.ttft_ms === null ? 'not yet' : `after ${milliseconds(sequence.ttft_ms)}`],
  ];
  return [`request #${sequence.id}`, ...rows.map(([name, value]) => `  ${name!.padEnd(13)} ${value}`)];
}
