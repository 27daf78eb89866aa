/**
 * The agents there are, and their like on disk. A store may open late, refuse for a while, and have agents of its own: what cannot be
 * written stays in memory until it can be, and a name that is taken on disk stays that of the agent on disk.
 */
import { type AgentContext, EVERYONE } from '../domain/agent.js';
import { AgentTree } from '../domain/agent-tree.js';
import { SemanticError } from '../domain/errors.js';
import type { KvStore } from '../ports.js';

export class AgentRegistry {
  readonly tree = new AgentTree();
  readonly #store: KvStore;
  /** Called with every agent that comes from the store. */
  readonly #onMet: (agent: AgentContext) => void;
  #lastFailure: string | null = null;
  /** Agents whose last change is not on disk though it should be. */
  readonly #unsaved = new Set<string>();
  /** Agents that the store has too, as they are here or as they were. */
  readonly #stored = new Set<string>();
  /** Made while the store was not open, under names that others have in it: these stay as they are. */
  readonly #shadowing = new Set<string>();
  #hasMet = false;

  constructor(store: KvStore, onMet: (agent: AgentContext) => void) {
    this.#store = store;
    this.#onMet = onMet;
    this.meetStored();
  }

  /** Why an agent could last not be written to disk; null when all are. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  /** Of what else could not be written. */
  noteFailure(error: unknown): void {
    this.#lastFailure = (error as Error).message;
  }

  /** The agents of a store, which may open late; those made before then keep the name they were given. */
  meetStored(): void {
    if (this.#hasMet) return;
    this.#hasMet = this.#store.status().state === 'ready';
    const ours = new Set(this.tree.list(EVERYONE).map(({ id }) => id));
    for (const agent of AgentTree.of(this.#store.agents()).list(EVERYONE)) {
      if (this.#stored.has(agent.id)) continue;
      if (ours.has(agent.id)) this.#shadowing.add(agent.id);
      else this.#join(agent);
    }
  }

  /** What cannot be written stays in memory, and is written with its next turn, or by `saveRest`. */
  async save(agent: AgentContext): Promise<void> {
    this.meetStored();
    this.#unsaved.delete(agent.id);
    if (agent.policy.persist !== 'disk') return;
    try {
      if (this.#shadowing.has(agent.id)) throw shadowed(agent.id);
      await this.#store.putAgent(agent);
      this.#stored.add(agent.id);
      if (this.#unsaved.size === 0) this.#lastFailure = null;
    } catch (error) {
      this.#unsaved.add(agent.id);
      this.noteFailure(error);
    }
  }

  /** Writes agents that could not be written when they changed. */
  async saveRest(): Promise<void> {
    for (const id of [...this.#unsaved]) {
      const agent = this.tree.list(EVERYONE).find((other) => other.id === id);
      if (agent === undefined) this.#unsaved.delete(id);
      else await this.save(agent);
    }
  }

  /** Takes it out of the tree, its children to its parent, and off the disk; `letGo` frees what there is of it, in the store too if it `isStored`. */
  async remove(agent: AgentContext, letGo: (isStored: boolean) => Promise<void>): Promise<void> {
    const { moved } = this.tree.remove(agent.id);
    const isStored = !this.#shadowing.has(agent.id);
    await letGo(isStored);
    if (isStored) {
      await this.#store.dropAgent(agent.id);
      this.#stored.delete(agent.id);
    } else {
      this.#unshadow(agent.id);
    }
    for (const child of moved) await this.save(child);
  }

  /** What the store has under the name is another agent, and seen again. */
  #unshadow(id: string): void {
    this.#shadowing.delete(id);
    const other = this.#store.agents().find((stored) => stored.id === id);
    if (other !== undefined) this.#join(other);
  }

  #join(agent: AgentContext): void {
    const { parent } = agent;
    const joins = parent === null || (this.#stored.has(parent) && !this.#shadowing.has(parent));
    this.tree.add(joins ? agent : { ...agent, parent: null });
    this.#stored.add(agent.id);
    this.#onMet(agent);
  }
}

function shadowed(id: string): SemanticError {
  return new SemanticError('CachePersistence', `[agents] the store has another agent ${id}, from before this one was made`, {
    hint: 'Fork this one under another name, and remove it.',
  });
}
