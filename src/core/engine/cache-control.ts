/** What the cache holds and where, and the means to let it go or to check it. */
import type { Caller } from '../domain/agent.js';
import { SemanticError } from '../domain/errors.js';
import type { KvBlock } from '../domain/kv-block.js';
import { BLOCK_TOKENS } from '../domain/model-cache-spec.js';
import type { KvStore, VerifyReport } from '../ports.js';
import type { AgentService, CachedBlockView, CacheOverview, CacheService } from './agent-service.js';
import { identityOf, isSameIdentity } from './agent-identity.js';
import type { ResidentEngines } from './resident-engines.js';
import type { RetainedSequence } from './retained-sequences.js';

export class CacheControl implements CacheService {
  constructor(
    private readonly engines: ResidentEngines,
    private readonly agents: AgentService,
    private readonly store: KvStore,
  ) {}

  inspect(): CacheOverview {
    const engine = this.engines.get(undefined);
    const { kv, model, histories } = engine;
    const { retained } = kv;
    const { tokens, kv: pool } = engine.status();
    return {
      fingerprint: model.fingerprint,
      model: model.id,
      memory: { ...pool, sequences: retained.size, tokens: retained.tokens, sharedBlocks: kv.pool.sharedBlocks() },
      disk: this.store.status(),
      hits: {
        promptTokens: tokens.prompt,
        memoryTokens: tokens.cached - tokens.restored,
        diskTokens: tokens.restored,
        ratio: tokens.prompt === 0 ? 0 : tokens.cached / tokens.prompt,
        misses: histories.misses(),
      },
    };
  }

  inspectAgent(id: string, caller: Caller): ReturnType<CacheService['inspectAgent']> {
    const agent = this.agents.show(id, caller);
    // The token sampled last has no KV yet, and the last block is stored without it.
    const { memoryTokens, diskTokens } = agent.place;
    const tokens = agent.tokens.subarray(0, Math.max(memoryTokens, diskTokens));
    const blocks = this.engines.holding(agent)?.parking.chain(tokens, agent.scope).blocks ?? [];
    return {
      agent,
      blocks: blocks.map((block) => ({ ...this.#view(block, agent.fingerprint), tier: tierOf(block, memoryTokens, diskTokens) })),
    };
  }

  inspectBlock(hash: string): CachedBlockView {
    if (!/^[0-9a-f]{6,64}$/.test(hash)) throw noBlock(hash, 'wants 6 to 64 hex digits');
    const found = this.store.find(hash);
    if (found.length !== 1)
      throw noBlock(hash, found.length === 0 ? 'no stored block begins so' : `${found.length} stored blocks begin so`);
    return this.#view(found[0]!, found[0]!.fingerprint);
  }

  async evict(
    { agent, to, dryRun }: { readonly agent: string | null; readonly to: 'disk' | 'none'; readonly dryRun: boolean },
    caller: Caller,
  ): ReturnType<CacheService['evict']> {
    const identity = agent === null ? null : identityOf(this.agents.show(agent, caller));
    const goes = (entry: RetainedSequence): boolean =>
      identity === null ? caller.seesAll || entry.scope === caller.scope : isSameIdentity(entry, identity);
    const evicted = { sequences: 0, bytes: 0, writtenBytes: 0 };
    for (const { kept, kv, model } of this.engines.all()) {
      const going = [...kv.retained.kept()].filter(goes);
      evicted.sequences += going.length;
      evicted.bytes += model.cache.bytesOf(kv.pool.heldOnlyBy(going.map(({ lease }) => lease)));
      if (dryRun) continue;
      if (to === 'disk') evicted.writtenBytes += await kept.store(going);
      await kept.release((entry) => going.includes(entry));
    }
    return evicted;
  }

  verify(onProgress?: (done: number, total: number) => void): Promise<VerifyReport> {
    return this.store.verify(onProgress);
  }

  /** Its text needs the tokenizer of its model, which may not be in memory. */
  #view({ hash, parent, index, tokens }: KvBlock, fingerprint: string): CachedBlockView {
    const described = this.store.describe(hash);
    const tokenizer = this.engines.withFingerprint(fingerprint)?.model.tokenizer;
    const text = tokenizer?.decode(tokens.subarray(0, SHOWN_TOKENS), { skipSpecialTokens: false }) ?? '';
    return {
      hash,
      parent,
      index,
      tokens: tokens.length,
      text: text.slice(0, SHOWN_CHARACTERS),
      images: described?.images ?? [],
      owners: described?.owners ?? [],
    };
  }
}

const SHOWN_TOKENS = 32;
const SHOWN_CHARACTERS = 80;

/** A last block may be on disk as part of a longer one. */
function tierOf({ index, tokens }: KvBlock, memoryTokens: number, diskTokens: number): 'memory' | 'disk' | 'both' | 'none' {
  const end = index * BLOCK_TOKENS + tokens.length;
  if (memoryTokens >= end) return diskTokens >= end ? 'both' : 'memory';
  return diskTokens >= end ? 'disk' : 'none';
}

function noBlock(hash: string, why: string): SemanticError {
  return new SemanticError('InvalidRequest', `[cache] block ${JSON.stringify(hash.slice(0, 70))}: ${why}`, {
    param: 'block',
    hint: '`semantic cache inspect AGENT` lists the blocks of an agent.',
  });
}
