/**
 * npm run bench -- VERB [--flag value ...]. Every figure in docs/benchmarks comes from here. Progress goes to stderr, Markdown tables to stdout.
 */
import { parseArgs } from 'node:util';

import { markdown } from './table.js';
import type { Verb } from './verb.js';
import { agents } from './verbs/agents.js';
import { chain } from './verbs/chain.js';
import { compute } from './verbs/compute.js';
import { constrained } from './verbs/constrained.js';
import { dialect } from './verbs/dialect.js';
import { embeddings } from './verbs/embeddings.js';
import { fork } from './verbs/fork.js';
import { jobs } from './verbs/jobs.js';
import { gate } from './verbs/gate.js';
import { kv } from './verbs/kv.js';
import { kvQuality } from './verbs/kv-quality.js';
import { latency } from './verbs/latency.js';
import { loop } from './verbs/loop.js';
import { memory } from './verbs/memory.js';
import { overhead } from './verbs/overhead.js';
import { parking } from './verbs/parking.js';
import { profile } from './verbs/profile.js';
import { refusal } from './verbs/refusal.js';
import { shared } from './verbs/shared.js';
import { start } from './verbs/start.js';
import { store } from './verbs/store.js';
import { swap } from './verbs/swap.js';
import { telemetry } from './verbs/telemetry.js';
import { throughput } from './verbs/throughput.js';
import { turns } from './verbs/turns.js';

const VERBS: Readonly<Record<string, Verb>> = {
  agents,
  chain,
  compute,
  constrained,
  dialect,
  embeddings,
  fork,
  jobs,
  gate,
  kv,
  'kv-quality': kvQuality,
  latency,
  loop,
  memory,
  overhead,
  parking,
  profile,
  refusal,
  shared,
  start,
  store,
  swap,
  telemetry,
  throughput,
  turns,
};

const progress = (line: string): void => void process.stderr.write(`${line}\n`);
const [name = '', ...args] = process.argv.slice(2);
const verb = VERBS[name];
if (verb === undefined) {
  const known = Object.entries(VERBS).map(([id, { summary, flags }]) => `  ${id.padEnd(11)} ${summary}\n${''.padEnd(13)} ${usage(flags)}`);
  progress(`wanted a verb of the bench, got '${name}'\n${known.join('\n')}`);
  process.exitCode = 2;
} else {
  const flags = parseFlags(verb.flags, args);
  if (flags === null) process.exitCode = 2;
  else process.stdout.write(`${(await verb.run(flags, progress)).map(markdown).join('\n\n')}\n`);
}

function usage(flags: Verb['flags']): string {
  return Object.entries(flags)
    .map(([flag, value]) => `[--${flag} ${value === '' ? '...' : value}]`)
    .join(' ');
}

/** Null when they are not what the verb takes; then it has been said. */
function parseFlags(defaults: Verb['flags'], given: readonly string[]): Verb['flags'] | null {
  const options = Object.fromEntries(Object.entries(defaults).map(([flag, value]) => [flag, { type: 'string', default: value } as const]));
  try {
    return parseArgs({ args: [...given], options }).values;
  } catch (error) {
    progress(`${(error as Error).message}; ${name} takes ${usage(defaults)}`);
    return null;
  }
}
