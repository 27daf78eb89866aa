/** Where an agent's KV is now. */
import type { AgentContext } from '../domain/agent.js';
import { countsOf } from '../domain/block-pool.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { BLOCK_TOKENS } from '../domain/model-cache-spec.js';
import type { KvStore } from '../ports.js';
import { identityOf, isCurrent } from './agent-identity.js';
import type { AgentPlace } from './agent-service.js';
import type { Engine } from './engine.js';

export function placeOf(agent: AgentContext, engine: Engine, store: KvStore): AgentPlace {
  const identity = identityOf(agent);
  const isOfModel = isCurrent(agent, engine.model);
  const kept = isOfModel ? engine.kv.retained.keptOf(identity) : null;
  const chain = isOfModel ? engine.parking.chain(agent.tokens, agent.scope, identity.sessionId) : null;
  const diskTokens = chain === null ? 0 : engine.parking.storedTokens(chain);
  const stored =
    chain?.blocks.filter(({ index }) => index * BLOCK_TOKENS < diskTokens).flatMap(({ hash }) => store.describe(hash)?.images ?? []) ?? [];
  return {
    memoryTokens: kept === null ? 0 : commonPrefix(kept.tokens, agent.tokens),
    memoryBytes: kept === null ? 0 : engine.model.cache.bytesOf(countsOf(kept.lease)),
    diskTokens,
    diskBytes: stored.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}
