/** The KV cache as JSON. */
import type { BlockBody, ChainBody, EvictedBody, OverviewBody, VerifyReportBody } from '../../client/cache-bodies.js';
import type { CachedBlockView, CacheOverview, CacheService } from '../../core/engine/agent-service.js';
import type { VerifyReport } from '../../core/ports.js';
import { agentBody } from '../agents/bodies.js';

export function overviewBody({ model, fingerprint, memory, disk, hits }: CacheOverview): OverviewBody {
  return {
    object: 'cache',
    model,
    fingerprint,
    memory: {
      total_bytes: memory.totalBytes,
      used_bytes: memory.usedBytes,
      free_bytes: memory.freeBytes,
      running_bytes: memory.runningBytes,
      pressure: memory.pressure,
      sequences: memory.sequences,
      tokens: memory.tokens,
      shared_blocks: memory.sharedBlocks,
      kinds: memory.kinds.map(({ window, layers, blockBytes, total, used }) => ({ window, layers, block_bytes: blockBytes, total, used })),
    },
    disk: diskBody(disk),
    hits: {
      prompt_tokens: hits.promptTokens,
      memory_tokens: hits.memoryTokens,
      disk_tokens: hits.diskTokens,
      ratio: hits.ratio,
      misses: { ...hits.misses },
    },
  };
}

function diskBody({ directory, state, reason, limits, ...disk }: CacheOverview['disk']): OverviewBody['disk'] {
  return {
    directory,
    state,
    reason,
    agents: disk.agents,
    blocks: disk.blocks,
    images: disk.images,
    extents: disk.extents,
    bytes: disk.bytes,
    owned_bytes: disk.ownedBytes,
    dead_bytes: disk.deadBytes,
    quarantined: disk.quarantined,
    written_bytes: disk.writtenBytes,
    written_today_bytes: disk.writtenTodayBytes,
    limits: { max_bytes: limits.maxBytes, min_free_bytes: limits.minFreeBytes, max_bytes_per_day: limits.maxBytesPerDay },
  };
}

export function blockBody({ hash, parent, index, tokens, text, images, owners }: CachedBlockView): BlockBody {
  const sizes = images.map(({ kind, bytes, extent }) => ({ kind, bytes, extent }));
  return { object: 'cache.block', hash, parent, index, tokens, text, images: sizes, owners: [...owners] };
}

export function chainBody({ agent, blocks }: ReturnType<CacheService['inspectAgent']>): ChainBody {
  return { object: 'cache.chain', agent: agentBody(agent), blocks: blocks.map((block) => ({ ...blockBody(block), tier: block.tier })) };
}

export function evictedBody(
  { sequences, bytes, writtenBytes }: Awaited<ReturnType<CacheService['evict']>>,
  { agent, to, dryRun }: Parameters<CacheService['evict']>[0],
): EvictedBody {
  return { object: 'cache.evicted', agent, to, dry_run: dryRun, sequences, bytes, written_bytes: writtenBytes };
}

export function verifyReportBody({ blocks, images, bytes, damaged }: VerifyReport): VerifyReportBody {
  return { type: 'report', blocks, images, bytes, damaged: damaged.map((one) => ({ ...one })) };
}
