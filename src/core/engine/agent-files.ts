/** An agent as a file: its KV is brought to disk, and goes out; or comes in, under the hashes it has here. */
import type { AgentContext } from '../domain/agent.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { SemanticError } from '../domain/errors.js';
import { joinTokens } from '../domain/join-tokens.js';
import type { KvBlock } from '../domain/kv-block.js';
import { BLOCK_TOKENS } from '../domain/model-cache-spec.js';
import type { KvStore } from '../ports.js';
import { identityOf } from './agent-identity.js';
import type { Engine } from './engine.js';
import type { ResidentEngines } from './resident-engines.js';

export class AgentFiles {
  constructor(
    private readonly engines: ResidentEngines,
    private readonly store: KvStore,
  ) {}

  /** Brings what memory has of its KV to disk; resolves when it is there. */
  async park(agent: AgentContext): Promise<void> {
    for (const { kept, kv } of this.engines.all()) {
      const entry = kv.retained.keptOf(identityOf(agent));
      if (entry !== null) await kept.store([entry]);
    }
  }

  async export(agent: AgentContext): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }> {
    if (this.store.status().state === 'off') {
      throw new SemanticError('CachePersistence', '[agents.export] an export goes through the store on disk, and there is none', {
        hint: 'Start the daemon with store.enabled = true.',
      });
    }
    await this.park(agent);
    const engine = this.engines.holding(agent);
    if (engine === null) return this.store.exportAgent(agent, []);
    const plan = engine.parking.wholePlan(engine.parking.chain(agent.tokens, agent.scope));
    return this.store.exportAgent(agent, plan === null ? [] : plan.images);
  }

  /** `accept` gives the agent its name here and may refuse it; `undo` is called when the file turns out to be bad after that. */
  async import(
    file: AsyncIterable<Uint8Array>,
    accept: (agent: AgentContext) => AgentContext,
    undo: (id: string) => void,
  ): Promise<AgentContext> {
    let accepted: string | null = null;
    try {
      return await this.store.importAgent(file, (stored, blocks) => {
        const engine = this.#engineFor(stored);
        const agent = accept(stored);
        accepted = agent.id;
        return { agent, blocks: rehash(agent, blocks, engine) };
      });
    } catch (error) {
      if (accepted !== null) undo(accepted);
      throw error;
    }
  }

  #engineFor({ fingerprint }: AgentContext): Engine {
    const engine = this.engines.withFingerprint(fingerprint);
    if (engine !== null) return engine;
    const served = this.engines.all().map(({ model }) => `${model.id} (${model.fingerprint.slice(0, 12)})`);
    throw new SemanticError(
      'CacheMismatch',
      `[agents.import] the file's KV is of fingerprint ${fingerprint.slice(0, 12)}, the model served is ${served.join(', ')}`,
      { hint: 'Serve the model, with the KV format, that the agent was exported from.' },
    );
  }
}

/** The same tokens under the chain of this scope. Throws CacheCorruption for blocks that are not of the agent's tokens. */
function rehash(agent: AgentContext, blocks: readonly KvBlock[], engine: Engine): KvBlock[] {
  return blocks.map((block) => {
    const from = block.index * BLOCK_TOKENS;
    const same = commonPrefix(agent.tokens.subarray(from), block.tokens);
    // The last block of a file may go on beyond the agent's last token, as one of an earlier, longer conversation.
    const tokens =
      same === Math.min(block.tokens.length, agent.tokens.length - from)
        ? joinTokens([agent.tokens.subarray(0, from), block.tokens])
        : null;
    const here = tokens === null ? undefined : engine.parking.chain(tokens, agent.scope).blocks[block.index];
    if (here === undefined) throw new SemanticError('CacheCorruption', `[agents.import] block ${block.index} is not of the agent's tokens`);
    return here;
  });
}
