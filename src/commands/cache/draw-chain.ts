/** The blocks of one agent, from its first token on, and one block alone. */
import type { BlockBody, ChainBody } from '../../client/cache-bodies.js';
import { agentOwner } from '../../core/domain/agent.js';
import { formatBytes } from '../format/bytes.js';
import { formatTable } from '../format/table.js';

/** Digits of a hash that tell blocks apart for a reader. */
const SHOWN_DIGITS = 12;
const TIERS = { memory: 'memory', disk: 'disk', both: 'memory, disk', none: '-' } as const;

export function drawChain({ agent, blocks }: ChainBody): string[] {
  const head = `${agent.id}  ${agent.state}, ${agent.tokens} tokens: ${agent.kv.memory_tokens} in memory, ${agent.kv.disk_tokens} on disk`;
  if (blocks.length === 0) return [head];
  const rows = blocks.map((block, i) => [
    `${i === blocks.length - 1 ? '└─' : '├─'} ${block.hash.slice(0, SHOWN_DIGITS)}`,
    block.tokens,
    TIERS[block.tier],
    sizeOf(block),
    block.owners.filter((owner) => owner !== agentOwner(agent.id)).join(' ') || '-',
    JSON.stringify(block.text),
  ]);
  return [head, ...formatTable(['   BLOCK', 'TOKENS', 'WHERE', 'ON DISK', 'SHARED WITH', 'TEXT'], rows)];
}

export function drawBlock(block: BlockBody): string[] {
  const rows = [
    ['after', block.parent],
    ['place', `block ${block.index} of its chain, ${block.tokens} tokens`],
    ['text', JSON.stringify(block.text)],
    ['owners', block.owners.length === 0 ? '-' : block.owners.join(', ')],
    ['on disk', sizeOf(block)],
    ...block.images.map(({ kind, bytes, extent }) => [`  kind ${kind}`, `${formatBytes(bytes)} in ${extent}`]),
  ];
  return [block.hash, ...rows.map(([name, value]) => `  ${name?.padEnd(9)} ${value}`)];
}

function sizeOf({ images }: BlockBody): string {
  return images.length === 0 ? '-' : formatBytes(images.reduce((sum, { bytes }) => sum + bytes, 0));
}
