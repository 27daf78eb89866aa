/** Where an agent's KV is now. */
import type { AgentContext } from '../domain/agent.js';
import { countsOf } from '../domain/block-pool.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { BLOCK_TOKENS } from '../domain/model-cache-spec.js';
import type { KvStore } from '../ports.js';
import { identityOf } from './agent-identity.js';
import type { AgentPlace } from './agent-service.js';
import type { ResidentEngines } from './resident-engines.js';

/** With the model it spoke with last: nothing while that is not in memory, though its blocks may be on disk. */
export function placeOf(agent: AgentContext, engines: ResidentEngines, store: KvStore): AgentPlace {
  const identity = identityOf(agent);
  const engine = engines.holding(agent);
  if (engine === null) return NOWHERE;
  const kept = engine.kv.retained.keptOf(identity);
  const chain = engine.parking.chain(agent.tokens, agent.scope, identity.sessionId);
  const diskTokens = engine.parking.storedTokens(chain);
  const stored = chain.blocks
    .filter(({ index }) => index * BLOCK_TOKENS < diskTokens)
    .flatMap(({ hash }) => store.describe(hash)?.images ?? []);
  return {
    memoryTokens: kept === null ? 0 : commonPrefix(kept.tokens, agent.tokens),
    memoryBytes: kept === null ? 0 : engine.model.cache.bytesOf(countsOf(kept.lease)),
    diskTokens,
    diskBytes: stored.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

const NOWHERE: AgentPlace = { memoryTokens: 0, memoryBytes: 0, diskTokens: 0, diskBytes: 0 };
