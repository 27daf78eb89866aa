/** Every suite, in the order they are listed and run in. */
import { SemanticError } from '../../core/domain/errors.js';
import { agents } from './agents.js';
import { blocks } from './blocks.js';
import { decode } from './decode.js';
import { io } from './io.js';
import { latency } from './latency.js';
import { memory } from './memory.js';
import { prefill } from './prefill.js';
import { quality } from './quality.js';
import { server } from './server.js';
import { startup } from './startup.js';
import type { Suite } from './suite.js';
import { swap } from './swap.js';
import { throughput } from './throughput.js';
import { ttft } from './ttft.js';

export const SUITES: readonly Suite[] = [
  decode,
  prefill,
  ttft,
  throughput,
  latency,
  memory,
  startup,
  server,
  swap,
  io,
  blocks,
  quality,
  agents,
];

/** What `semantic bench` runs where nothing is named. */
export const DEFAULT_SUITES: readonly string[] = ['decode', 'prefill', 'ttft', 'throughput'];
/** What a gate runs where nothing is named: the measures that noise moves least. */
export const GATE_SUITES: readonly string[] = ['decode', 'prefill'];

/** In the order of the list; `all` is every one. Throws InvalidRequest. */
export function suitesOf(names: readonly string[]): readonly Suite[] {
  if (names.includes('all')) return SUITES;
  const known = SUITES.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new SemanticError('InvalidRequest', `[bench] there is no suite ${JSON.stringify(unknown)}`, {
      param: 'suite',
      hint: `Wanted ${known.join(', ')} or all.`,
    });
  }
  return SUITES.filter(({ name }) => names.includes(name));
}
