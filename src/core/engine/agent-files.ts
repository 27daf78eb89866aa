/** An agent as a file: its KV is brought to disk, and goes out; or comes in, under the hashes it has here. */
import type { AgentContext } from '../domain/agent.js';
import { commonPrefix } from '../domain/common-prefix.js';
import { SemanticError } from '../domain/errors.js';
import { joinTokens } from '../domain/join-tokens.js';
import type { KvBlock } from '../domain/kv-block.js';
import { BLOCK_TOKENS } from '../domain/model-cache-spec.js';
import type { KvStore } from '../ports.js';
import { identityOf, isCurrent } from './agent-identity.js';
import type { Engine } from './engine.js';

export class AgentFiles {
  constructor(
    private readonly engine: Engine,
    private readonly store: KvStore,
  ) {}

  /** Brings what memory has of its KV to disk; resolves when it is there. */
  async park(agent: AgentContext): Promise<void> {
    const { kept, kv } = this.engine;
    const entry = kv.retained.keptOf(identityOf(agent));
    if (entry !== null) await kept.store([entry]);
  }

  async export(agent: AgentContext): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }> {
    const { parking, model } = this.engine;
    if (this.store.status().state === 'off') {
      throw new SemanticError('CachePersistence', '[agents.export] an export goes through the store on disk, and there is none', {
        hint: 'Start the daemon with store.enabled = true.',
      });
    }
    await this.park(agent);
    if (!isCurrent(agent, model)) return this.store.exportAgent(agent, []);
    const chain = parking.chain(agent.tokens, agent.scope);
    const plan = parking.wholePlan(chain);
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
        this.#assertFits(stored);
        const agent = accept(stored);
        accepted = agent.id;
        return { agent, blocks: this.#rehash(agent, blocks) };
      });
    } catch (error) {
      if (accepted !== null) undo(accepted);
      throw error;
    }
  }

  #assertFits({ fingerprint }: AgentContext): void {
    const { fingerprint: wanted, id } = this.engine.model;
    if (fingerprint === wanted) return;
    throw new SemanticError(
      'CacheMismatch',
      `[agents.import] the file's KV is of fingerprint ${fingerprint.slice(0, 12)}, the model served is ${id} (${wanted.slice(0, 12)})`,
      { hint: 'Serve the model, with the KV format, that the agent was exported from.' },
    );
  }

  /** The same tokens under the chain of this scope. Throws CacheCorruption for blocks that are not of the agent's tokens. */
  #rehash(agent: AgentContext, blocks: readonly KvBlock[]): KvBlock[] {
    return blocks.map((block) => {
      const from = block.index * BLOCK_TOKENS;
      const same = commonPrefix(agent.tokens.subarray(from), block.tokens);
      // The last block of a file may go on beyond the agent's last token, as one of an earlier, longer conversation.
      const tokens =
        same === Math.min(block.tokens.length, agent.tokens.length - from)
          ? joinTokens([agent.tokens.subarray(0, from), block.tokens])
          : null;
      const here = tokens === null ? undefined : this.engine.parking.chain(tokens, agent.scope).blocks[block.index];
      if (here === undefined)
        throw new SemanticError('CacheCorruption', `[agents.import] block ${block.index} is not of the agent's tokens`);
      return here;
    });
  }
}
