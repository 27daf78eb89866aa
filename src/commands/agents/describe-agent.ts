/** Everything about one agent, for a reader. */
import type { AgentDetailBody } from '../../client/agent-bodies.js';
import { formatAgo } from '../format/ago.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';
import { formatTable } from '../format/table.js';
import { explainMiss } from './explain-miss.js';

const KEPT = { none: 'not beyond its turn', ram: 'while memory lasts', disk: 'in memory and on disk' } as const;

/** `now`: seconds since 1970. */
export function describeAgent(agent: AgentDetailBody, now: number): string[] {
  const { kv, usage } = agent;
  const rows = [
    ['state', agent.state],
    ['client', agent.client ?? '- (its turns are asked for by its id)'],
    ['parent', agent.parent ?? '-'],
    ['children', agent.children.length === 0 ? '-' : agent.children.join(', ')],
    ['created', formatAgo(agent.created_at, now)],
    ['last used', formatAgo(agent.used_at, now)],
    [
      'holds',
      `${formatCount(agent.turns, 'turn')}, ${formatCount(agent.messages.length, 'message')}, ${formatCount(agent.tokens, 'token')}`,
    ],
    ['tools', agent.tools.length === 0 ? '-' : String(agent.tools.length)],
    ['kv in memory', `${formatCount(kv.memory_tokens, 'token')}, ${formatBytes(kv.memory_bytes)}`],
    ['kv on disk', `${formatCount(kv.disk_tokens, 'token')}, ${formatBytes(kv.disk_bytes)}`],
    ['is kept', keptHow(agent.policy)],
    ['has read', `${formatCount(usage.prompt_tokens, 'token')}, ${usage.cached_tokens} of them from the cache`],
    ['has written', formatCount(usage.completion_tokens, 'token')],
    ['last turn', lastTurn(agent)],
    ['rewritten by', agent.canonical_rules.length === 0 ? '-' : agent.canonical_rules.join(', ')],
    ['fingerprint', agent.fingerprint],
  ];
  return [agent.id, ...rows.map(([name, value]) => `  ${name?.padEnd(13)} ${value}`), ...restorePoints(agent, now)];
}

function keptHow({ persist, ttl_seconds: ttl, pinned, max_tokens: quota }: AgentDetailBody['policy']): string {
  return [
    KEPT[persist],
    ttl === null ? '' : `ends ${ttl} s after its last use`,
    pinned ? 'pinned' : '',
    quota === null ? '' : `at most ${quota} tokens`,
  ]
    .filter((part) => part !== '')
    .join(', ');
}

function lastTurn({ cache }: AgentDetailBody): string {
  if (cache === null) return 'none yet';
  const { prompt_tokens: prompt, cached_tokens: cached, source, miss } = cache;
  const where = source === 'none' ? 'none of it was in the cache' : `${cached} of them came from ${source}`;
  return `${formatCount(prompt, 'prompt token')}, ${where}. ${miss === null ? 'All that could be expected was there.' : explainMiss(miss)}`;
}

function restorePoints({ restore_points: points }: AgentDetailBody, now: number): string[] {
  if (points.length === 0) return [];
  const rows = points.map(({ messages, tokens, at }) => [
    tokens === 0 ? 'creation' : 'end of a turn',
    messages,
    tokens,
    formatAgo(at, now),
  ]);
  return ['  can go back to', ...formatTable(['PLACE', 'MESSAGES', 'TOKENS', 'WAS'], rows).map((line) => `    ${line}`)];
}
