/** One step of a session for a reader: what came in, what was rendered, what was found, what was generated. */
import type { StepBody } from '../../client/agent-bodies.js';
import { explainMiss } from '../agents/explain-miss.js';
import { formatCount } from '../format/count.js';

export function describeStep(step: StepBody, steps: number): string[] {
  const { kind, at, messages, tokens } = step;
  const head = `step ${step.step} of ${steps}: ${kind === 'creation' ? 'it was created' : 'a turn'}, ${new Date(at * 1000).toISOString()}`;
  return [
    `${head}; ${formatCount(messages, 'message')}, ${formatCount(tokens, 'token')} afterwards`,
    ...part('came in', incoming(step)),
    ...(kind === 'creation' ? [] : [...part('rendered', text(step.rendered)), ...part('matched', [matched(step)])]),
    ...(kind === 'creation' ? [] : part(`generated${count(step)}`, text(step.generated))),
  ];
}

function part(name: string, lines: readonly string[]): string[] {
  return [`  ${name}`, ...lines.map((line) => `    ${line}`)];
}

/** Without the answer, which was generated. */
function incoming({ kind, added }: StepBody): string[] {
  const came = kind === 'turn' && added.at(-1)?.role === 'assistant' ? added.slice(0, -1) : added;
  if (came.length === 0) return ['nothing new'];
  return came.flatMap(({ role, content, ...rest }) => {
    const more = Object.keys(rest).length === 0 ? [] : [JSON.stringify(rest)];
    const [first = '', ...others] = [...printable(content ?? '').split('\n'), ...more];
    return [`${role}: ${first}`, ...others.map((line) => `  ${line}`)];
  });
}

function text(value: string | null): string[] {
  return value === null ? ['not known any more: its ids are gone, or its model is not in memory'] : printable(value).split('\n');
}

function matched({ cache }: StepBody): string {
  if (cache === null) return 'not noted then';
  const { prompt_tokens: prompt, cached_tokens: cached, source, miss } = cache;
  const found = source === 'none' ? 'none of them was in the cache' : `${cached} of them came from ${source}`;
  return printable(
    `${formatCount(prompt, 'prompt token')}, ${found}. ${miss === null ? 'All that could be expected was there.' : explainMiss(miss)}`,
  );
}

function count({ completion_tokens: tokens }: StepBody): string {
  return tokens === null ? '' : ` (${formatCount(tokens, 'token')})`;
}

/** What was said must not reach the terminal as a command. */
function printable(said: string): string {
  return said.replaceAll(/(?!\n)[\p{Cc}\p{Cf}]/gu, '?');
}
