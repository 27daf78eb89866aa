/** The rows of the table: every request there is, and every agent that has none. */
import type { AgentBody } from '../../client/agent-bodies.js';
import type { SchedulerBody } from '../../client/scheduler-bodies.js';
import type { Snapshot } from './snapshot.js';

type Sequence = SchedulerBody['sequences'][number];

export interface Row {
  /** The same from one snapshot to the next, also when an agent falls idle. */
  readonly key: string;
  /** The agent, or `#` and the number of a request without one. */
  readonly name: string;
  readonly agent: string | null;
  readonly state: Sequence['state'] | AgentBody['state'];
  /** Null for an agent that is idle. */
  readonly sequence: Sequence | null;
  readonly tokensPerSecond: number;
  /** Tokens whose KV is in memory. */
  readonly kvTokens: number;
  /** Seconds since the request came, or since the agent was last used. */
  readonly age: number;
}

export type Sort = 'rate' | 'kv' | 'age' | 'name';

export function rowsOf({ time, scheduler, agents }: Snapshot): Row[] {
  const known = new Set<string>();
  const active = scheduler.sequences.map((sequence): Row => {
    const isFirst = sequence.agent !== null && !known.has(sequence.agent);
    if (sequence.agent !== null) known.add(sequence.agent);
    const number = `#${sequence.id}`;
    return {
      key: isFirst ? `agent ${sequence.agent}` : number,
      name: sequence.agent ?? number,
      agent: sequence.agent,
      state: sequence.state,
      sequence,
      tokensPerSecond: sequence.tokens_per_second,
      kvTokens: sequence.kv_tokens,
      age: sequence.age_ms / 1000,
    };
  });
  const others = agents
    .filter(({ id }) => !known.has(id))
    .map((agent): Row => ({
      key: `agent ${agent.id}`,
      name: agent.id,
      agent: agent.id,
      state: agent.state,
      sequence: null,
      tokensPerSecond: 0,
      kvTokens: agent.kv.memory_tokens,
      age: Math.max(0, time - agent.used_at),
    }));
  return [...active, ...others];
}

/** The fastest, largest, oldest first, names as in a dictionary; `reversed` the other way. Equal ones by name, then by key. */
export function sortRows(rows: readonly Row[], sort: Sort, reversed: boolean): Row[] {
  const sign = reversed ? -1 : 1;
  return rows.toSorted((a, b) => sign * BY[sort](a, b) || byName(a, b) || (a.key < b.key ? -1 : 1));
}

const NAMES = new Intl.Collator('en', { numeric: true });
const byName = (a: Row, b: Row): number => NAMES.compare(a.name, b.name);
const BY: Record<Sort, (a: Row, b: Row) => number> = {
  rate: (a, b) => b.tokensPerSecond - a.tokensPerSecond,
  kv: (a, b) => b.kvTokens - a.kvTokens,
  age: (a, b) => b.age - a.age,
  name: byName,
};
