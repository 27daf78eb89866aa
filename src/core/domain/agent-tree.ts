/** Agents by id, as trees: a fork is the child of what it was forked from. It holds what is known of them, not their KV. */
import { type AgentContext, assertAgentId, type Caller, type Rewind } from './agent.js';
import { SemanticError } from './errors.js';
import { NO_TOTALS } from './new-agent.js';
import { rewindAgent } from './rewind-agent.js';

export interface RemovedFromTree {
  readonly agent: AgentContext;
  /** Its children, as children of its parent now. */
  readonly moved: readonly AgentContext[];
}

export class AgentTree {
  readonly #agents = new Map<string, AgentContext>();
  /** Ids in the order in which they came; no entry where there are none. */
  readonly #children = new Map<string, Set<string>>();

  /** In any order. One whose parent is not among them, or that is its own ancestor, has none from now on. */
  static of(agents: Iterable<AgentContext>): AgentTree {
    const tree = new AgentTree();
    const waiting = new Map([...agents].map((agent) => [agent.id, agent]));
    for (const agent of waiting.values()) {
      const line: AgentContext[] = [];
      for (let next: AgentContext | undefined = agent; next !== undefined; next = waiting.get(next.parent ?? '')) {
        waiting.delete(next.id);
        line.push(next);
      }
      for (const next of line.toReversed()) {
        const parent = tree.#agents.get(next.parent ?? '');
        tree.add(parent?.scope === next.scope ? next : { ...next, parent: null });
      }
    }
    return tree;
  }

  get size(): number {
    return this.#agents.size;
  }

  /** Throws AgentConflict for an id that is taken (by anyone), InvalidRequest for one that is none, QuotaExceeded, AgentNotFound for its parent. */
  add(agent: AgentContext): void {
    const { id, parent, scope } = agent;
    assertAgentId(id);
    if (this.#agents.has(id)) throw conflict(id);
    if (parent !== null && this.#agent(parent).scope !== scope) throw notFound(parent);
    assertQuota(agent);
    this.#agents.set(id, agent);
    this.#adopt(parent, id);
  }

  /** Throws AgentNotFound for an id that is not there, or is another scope's. */
  get(id: string, caller: Caller): AgentContext {
    const agent = this.#agents.get(id);
    if (agent === undefined || !sees(caller, agent)) throw notFound(id);
    return agent;
  }

  /** Undefined where there is none. */
  find(id: string): AgentContext | undefined {
    return this.#agents.get(id);
  }

  /** Takes over what has changed but for scope and parent. Throws AgentNotFound, QuotaExceeded. */
  update(agent: AgentContext): void {
    const { parent, scope } = this.#agent(agent.id);
    if (agent.parent !== parent || agent.scope !== scope) throw new Error(`[agent_tree] ${agent.id} has another parent or scope`);
    assertQuota(agent);
    this.#agents.set(agent.id, agent);
  }

  /** A child that knows what its parent knows, and has used nothing yet. Throws AgentNotFound, AgentConflict, InvalidRequest. */
  fork(id: string, childId: string, now: number): AgentContext {
    const { client: _, ...known } = this.#agent(id); // what its client asks for goes on as the parent's
    const child = { ...known, id: childId, parent: id, createdAt: now, usedAt: now, totals: NO_TOTALS, report: null };
    this.add(child);
    return child;
  }

  /** Throws AgentNotFound, or InvalidRequest for turns or messages that are not there. */
  rewind(id: string, to: Rewind, now: number): AgentContext {
    const agent = rewindAgent(this.#agent(id), to, now);
    this.update(agent);
    return agent;
  }

  /** Children move to its parent. Throws AgentNotFound. */
  remove(id: string): RemovedFromTree {
    const agent = this.#agent(id);
    const moved = this.#childrenOf(id).map((child) => ({ ...child, parent: agent.parent }));
    this.#agents.delete(id);
    this.#children.delete(id);
    this.#disown(agent.parent, id);
    for (const child of moved) {
      this.#agents.set(child.id, child);
      this.#adopt(agent.parent, child.id);
    }
    return { agent, moved };
  }

  childrenOf(id: string, caller: Caller): AgentContext[] {
    this.get(id, caller);
    return this.#childrenOf(id).filter((child) => sees(caller, child));
  }

  /** Those the caller sees, in the order in which they came. */
  list(caller: Caller): AgentContext[] {
    return [...this.#agents.values()].filter((agent) => sees(caller, agent));
  }

  /** Those whose time is over. A clock that went back makes them last longer, never shorter. */
  expired(now: number): AgentContext[] {
    return [...this.#agents.values()].filter(
      ({ usedAt, policy: { ttlSeconds } }) => ttlSeconds !== null && now - usedAt >= 1000 * ttlSeconds,
    );
  }

  /** Of those that `which` says, the one that was not used for longest; null where there is none. */
  oldest(which: (agent: AgentContext) => boolean): AgentContext | null {
    let oldest: AgentContext | null = null;
    for (const agent of this.#agents.values()) if ((oldest === null || agent.usedAt < oldest.usedAt) && which(agent)) oldest = agent;
    return oldest;
  }

  /** Throws when an invariant does not hold; for property tests and idle moments. */
  checkIntegrity(): void {
    const fail = (what: string): never => {
      throw new Error(`[agent_tree] integrity: ${what}`);
    };
    const children = [...this.#children.values()];
    const named = [...this.#agents.values()].filter(({ parent }) => parent !== null).length;
    const listed = children.reduce((sum, ids) => sum + ids.size, 0);
    if (named !== listed) fail(`${named} agents have a parent, ${listed} are listed as children`);
    if (children.some((ids) => ids.size === 0)) fail('a list of children is empty');
    for (const [id, agent] of this.#agents) {
      if (agent.id !== id) fail(`${id} is filed as ${agent.id}`);
      const { parent } = agent;
      if (parent !== null && !this.#agents.has(parent)) fail(`${id} has a parent ${parent} that is not there`);
      if (parent !== null && !this.#children.get(parent)?.has(id)) fail(`${id} is no child of its parent ${parent}`);
      if (parent !== null && this.#agents.get(parent)?.scope !== agent.scope) fail(`${id} has a parent of another scope`);
      const wrong = whatIsWrong(agent);
      if (wrong !== null) fail(`${id}: ${wrong}`);
    }
    this.#checkCycles(fail);
  }

  #checkCycles(fail: (what: string) => never): void {
    const done = new Set<string>();
    for (const agent of this.#agents.values()) {
      const line = new Set<string>();
      for (
        let next: AgentContext | undefined = agent;
        next !== undefined && !done.has(next.id);
        next = this.#agents.get(next.parent ?? '')
      ) {
        if (line.has(next.id)) fail(`${next.id} is its own ancestor`);
        line.add(next.id);
      }
      line.forEach((id) => done.add(id));
    }
  }

  #agent(id: string): AgentContext {
    const agent = this.#agents.get(id);
    if (agent === undefined) throw notFound(id);
    return agent;
  }

  #childrenOf(id: string): AgentContext[] {
    return [...(this.#children.get(id) ?? [])].map((child) => this.#agent(child));
  }

  #adopt(parent: string | null, id: string): void {
    if (parent !== null) this.#children.set(parent, (this.#children.get(parent) ?? new Set()).add(id));
  }

  #disown(parent: string | null, id: string): void {
    const siblings = this.#children.get(parent ?? '');
    siblings?.delete(id);
    if (siblings?.size === 0) this.#children.delete(parent ?? '');
  }
}

function sees(caller: Caller, agent: AgentContext): boolean {
  return caller.seesAll || caller.scope === agent.scope;
}

/** Of one agent: restore points ascend and lie within what there is, and the quota is kept. */
function whatIsWrong({ turns, messages, tokens, policy: { maxTokens } }: AgentContext): string | null {
  if (maxTokens !== null && tokens.length > maxTokens) return `${tokens.length} tokens are more than its quota of ${maxTokens}`;
  const end = { messages: messages.length, tokens: tokens.length };
  for (const [i, turn] of turns.entries()) {
    const next = turns[i + 1];
    if (turn.messages > (next?.messages ?? end.messages)) return `turn ${i} ends behind the messages of what follows`;
    if (turn.tokens > (next?.tokens ?? end.tokens)) return `turn ${i} ends behind the tokens of what follows`;
  }
  return null;
}

function assertQuota({ id, tokens, policy: { maxTokens } }: AgentContext): void {
  if (maxTokens === null || tokens.length <= maxTokens) return;
  throw new SemanticError('QuotaExceeded', `[agents] ${id} may hold ${maxTokens} tokens, got ${tokens.length}`, {
    hint: 'Rewind it, fork it from an earlier turn, or raise its quota.',
  });
}

function conflict(id: string): SemanticError {
  return new SemanticError('AgentConflict', `[agents] wanted a new id, got ${id}, which is taken`, {
    param: 'id',
    hint: 'Choose another id, or leave it out and one is made up.',
  });
}

function notFound(id: string): SemanticError {
  return new SemanticError('AgentNotFound', `[agents] there is no agent ${id}`, { hint: '`semantic agents ls` lists those there are.' });
}
