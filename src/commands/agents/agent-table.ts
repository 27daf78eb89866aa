/** Agents as a table; children under their parent, the last used first. */
import type { AgentBody } from '../../client/agent-bodies.js';
import { formatAgo } from '../format/ago.js';
import { formatBytes } from '../format/bytes.js';
import { formatTable } from '../format/table.js';
import { flattenTree, type Tree } from '../format/tree.js';

const HEAD = ['AGENT', 'CLIENT', 'STATE', 'TURNS', 'TOKENS', 'KV IN MEMORY', 'ON DISK', 'USED', 'PINNED'];

/** `now`: seconds since 1970. */
export function agentTable(agents: readonly AgentBody[], now: number): string[] {
  const rows = flattenTree(agentTrees(agents)).map(({ value: agent, lines }) => [
    `${lines}${agent.id}`,
    agent.client ?? '-',
    agent.state,
    agent.turns,
    agent.tokens,
    agent.kv.memory_bytes === 0 ? '-' : formatBytes(agent.kv.memory_bytes),
    agent.kv.disk_bytes === 0 ? '-' : formatBytes(agent.kv.disk_bytes),
    formatAgo(agent.used_at, now),
    agent.policy.pinned ? 'pinned' : '',
  ]);
  return formatTable(HEAD, rows);
}

function agentTrees(agents: readonly AgentBody[]): Tree<AgentBody>[] {
  const ids = new Set(agents.map(({ id }) => id));
  const sorted = agents.toSorted((a, b) => b.used_at - a.used_at);
  const under = (parent: string | null): Tree<AgentBody>[] =>
    sorted
      .filter((agent) => (agent.parent !== null && ids.has(agent.parent) ? agent.parent : null) === parent)
      .map((value) => ({ value, children: under(value.id) }));
  return under(null);
}
