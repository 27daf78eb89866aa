/** The whole cache as a tree: tiers, layer kinds, what is shared, how often it helped. */
import type { OverviewBody } from '../../client/cache-bodies.js';
import { formatBytes } from '../format/bytes.js';
import { formatCount } from '../format/count.js';
import { drawTree, type Tree } from '../format/tree.js';

const SHOWN_DIGITS = 16;

export function drawOverview({ model, fingerprint, memory, disk, hits }: OverviewBody): string[] {
  return [`${model}, fingerprint ${fingerprint.slice(0, SHOWN_DIGITS)}`, ...drawTree([memoryTree(memory), diskTree(disk), hitTree(hits)])];
}

function memoryTree(memory: OverviewBody['memory']): Tree<string> {
  return {
    value: `memory  ${formatBytes(memory.used_bytes)} of ${formatBytes(memory.total_bytes)} used, pressure ${memory.pressure}`,
    children: [
      leaf(
        [
          formatCount(memory.sequences, 'sequence'),
          formatCount(memory.tokens, 'token'),
          `${formatCount(memory.shared_blocks, 'block')} shared`,
        ].join(', '),
      ),
      leaf(`running answers hold ${formatBytes(memory.running_bytes)}`),
      ...memory.kinds.map(({ window, layers, block_bytes: bytes, used, total }) =>
        leaf(`${layers} ${kindOf(window)} layers: ${used} of ${total} blocks of ${formatBytes(bytes)}`),
      ),
    ],
  };
}

/** Layers that recur see what they remember, and no token itself. */
function kindOf(window: number | null): string {
  if (window === null) return 'global';
  return window === 0 ? 'recurrent' : `sliding (${window})`;
}

function diskTree(disk: OverviewBody['disk']): Tree<string> {
  if (disk.state === 'off') return leaf('disk    off');
  const { limits } = disk;
  return {
    value: `disk    ${formatBytes(disk.bytes)} of at most ${formatBytes(limits.max_bytes)}, ${disk.state}${disk.reason === null ? '' : `: ${disk.reason}`}`,
    children: [
      leaf(
        `${formatCount(disk.agents, 'agent')}, ${formatCount(disk.blocks, 'block')}, ${formatCount(disk.images, 'image')} in ${formatCount(disk.extents, 'extent')}`,
      ),
      leaf(`sharing saves ${formatBytes(Math.max(0, disk.owned_bytes - disk.bytes))}`),
      leaf(`${formatBytes(disk.dead_bytes)} dead, ${formatCount(disk.quarantined, 'image')} put aside`),
      leaf(`written ${formatBytes(disk.written_bytes)} since the start, ${formatBytes(disk.written_today_bytes)} today`),
      leaf(disk.directory),
    ],
  };
}

function hitTree(hits: OverviewBody['hits']): Tree<string> {
  const misses = Object.entries(hits.misses).filter(([, times]) => times > 0);
  return {
    value: `hits    ${(hits.ratio * 100).toFixed(1)} % of ${hits.prompt_tokens} prompt tokens`,
    children: [
      leaf(`${hits.memory_tokens} from memory, ${hits.disk_tokens} from disk`),
      { value: misses.length === 0 ? 'no misses' : 'misses', children: misses.map(([cause, times]) => leaf(`${cause} ${times}`)) },
    ],
  };
}

function leaf(value: string): Tree<string> {
  return { value, children: [] };
}
