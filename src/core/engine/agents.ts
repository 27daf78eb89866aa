/**
 * Agents: conversations with an identity, over an engine that knows none. A turn renders the whole conversation, and the engine finds
 * by its tokens what is there already; so an agent never holds KV itself, and is right whatever becomes of it.
 */
import { randomBytes } from 'node:crypto';
import { type AgentContext, agentOwner, type AgentPolicy, assertAgentId, type Caller, type Rewind } from '../domain/agent.js';
import { AgentTree } from '../domain/agent-tree.js';
import { endTurn } from '../domain/end-turn.js';
import { SemanticError } from '../domain/errors.js';
import { digestOf } from '../domain/prompt-digest.js';
import type { EngineEvent, GenerationRequest } from '../domain/request.js';
import type { Clock, KvStore } from '../ports.js';
import { AgentFiles } from './agent-files.js';
import type { AgentService, AgentTurnRequest, AgentTurnStarted, AgentView, NewAgent, RemovedAgent } from './agent-service.js';
import type { Engine } from './engine.js';
import { placeOf } from './place-of.js';
import type { Identity } from './retained-sequences.js';
import { sha256 } from './sha256.js';
import { TurnLocks } from './turn-locks.js';

export interface AgentLimits {
  readonly maxAgents: number;
  /** Where a new agent says nothing. */
  readonly policy: AgentPolicy;
  /** What a turn does that finds its agent in the middle of another one. */
  readonly busy: 'wait' | 'fork';
}

export class Agents implements AgentService {
  readonly #engine: Engine;
  readonly #store: KvStore;
  readonly #clock: Clock;
  readonly #limits: AgentLimits;
  readonly #tree = new AgentTree();
  readonly #files: AgentFiles;
  readonly #turns = new TurnLocks();
  #lastFailure: string | null = null;
  /** Agents whose last change is not on disk though it should be. */
  readonly #unsaved = new Set<string>();
  /** Agents that the store has too, as they are here or as they were. */
  readonly #stored = new Set<string>();
  /** Made while the store was not open, under names that others have in it: these stay as they are. */
  readonly #shadowing = new Set<string>();
  #hasMet = false;

  constructor(engine: Engine, store: KvStore, clock: Clock, limits: AgentLimits) {
    this.#engine = engine;
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#files = new AgentFiles(engine, store);
    this.#meetStored();
  }

  /** Why an agent could last not be written to disk; null when all are. */
  get lastFailure(): string | null {
    return this.#lastFailure;
  }

  async create({ id, messages = [], tools = [], policy }: NewAgent, { scope }: Caller): Promise<AgentView> {
    this.#assertRoom();
    const now = this.#clock.now();
    const agent: AgentContext = {
      id: id ?? `agent-${randomBytes(6).toString('hex')}`,
      scope,
      parent: null,
      createdAt: now,
      usedAt: now,
      messages,
      tools,
      tokens: new Int32Array(0),
      fingerprint: this.#engine.model.fingerprint,
      turns: messages.length === 0 ? [] : [{ messages: messages.length, tokens: 0, at: now }],
      policy: { ...this.#limits.policy, ...policy },
      totals: { promptTokens: 0, cachedTokens: 0, completionTokens: 0 },
      report: null,
    };
    this.#tree.add(agent);
    await this.#save(agent);
    return this.#view(agent);
  }

  list(caller: Caller): readonly AgentView[] {
    return this.#tree.list(caller).map((agent) => this.#view(agent));
  }

  show(id: string, caller: Caller): AgentView {
    return this.#view(this.#get(id, caller));
  }

  async *generate(
    id: string,
    request: AgentTurnRequest,
    caller: Caller,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<AgentTurnStarted | EngineEvent, void, undefined> {
    this.#get(id, caller);
    const isForked = this.#turns.isBusy(id) && (request.busy ?? this.#limits.busy) === 'fork';
    const answering = isForked ? (await this.fork(id, {}, caller)).id : id;
    const leave = await this.#turns.enter(answering, options.signal);
    try {
      yield { type: 'agent', id: answering };
      yield* this.#turn(this.#get(answering, caller), request, options);
    } finally {
      leave();
    }
  }

  async fork(id: string, child: { readonly id?: string; readonly policy?: Partial<AgentPolicy> }, caller: Caller): Promise<AgentView> {
    this.#assertRoom();
    const parent = this.#get(id, caller);
    let agent = this.#tree.fork(id, child.id ?? childId(id), this.#clock.now());
    if (child.policy !== undefined) {
      agent = { ...agent, policy: { ...agent.policy, ...child.policy } };
      this.#tree.update(agent);
    }
    this.#recall(agent);
    const { policy, tokens, scope } = agent;
    const isCurrent = agent.fingerprint === this.#engine.model.fingerprint;
    if (isCurrent && policy.persist !== 'none') {
      await this.#engine.kept.share(identityOf(parent), identityOf(agent), tokens, policy.pinned);
      if (policy.persist === 'disk') this.#engine.parking.adopt(tokens, scope, agentOwner(agent.id));
    }
    await this.#save(agent);
    return this.#view(agent);
  }

  async rewind(id: string, to: Rewind, caller: Caller): Promise<AgentView> {
    this.#get(id, caller);
    this.#assertIdle(id);
    const agent = this.#tree.rewind(id, to, this.#clock.now());
    await this.#save(agent);
    return this.#view(agent);
  }

  async setPolicy(id: string, change: Partial<AgentPolicy>, caller: Caller): Promise<AgentView> {
    const before = this.#get(id, caller);
    const agent = { ...before, policy: { ...before.policy, ...change } };
    this.#tree.update(agent);
    this.#engine.kv.retained.pin(identityOf(agent), agent.policy.pinned);
    await this.#store.pin(agentOwner(id), agent.policy.pinned);
    if (before.policy.persist === 'disk' && agent.policy.persist !== 'disk') await this.#purge(agent);
    if (before.policy.persist !== 'disk' && agent.policy.persist === 'disk') await this.#files.park(agent).catch(this.#noted);
    await this.#save(agent);
    return this.#view(agent);
  }

  async remove(
    id: string,
    { purge, dryRun }: { readonly purge: boolean; readonly dryRun: boolean },
    caller: Caller,
  ): Promise<RemovedAgent> {
    const agent = this.#get(id, caller);
    if (dryRun) return { id, ...(purge ? this.#store.ownedAlone(agentOwner(id)) : NOTHING) };
    this.#assertIdle(id);
    return this.#remove(agent, purge);
  }

  exportAgent(id: string, caller: Caller): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }> {
    return this.#files.export(this.#get(id, caller));
  }

  async importAgent(file: AsyncIterable<Uint8Array>, options: { readonly id?: string }, { scope }: Caller): Promise<AgentView> {
    this.#assertRoom();
    const agent = await this.#files.import(
      file,
      (stored) => {
        const named = { ...stored, id: options.id ?? stored.id, scope, parent: null };
        this.#tree.add(named); // takes the id before anything is written
        return named;
      },
      (id) => void this.#tree.remove(id),
    );
    this.#recall(agent);
    return this.#view(agent);
  }

  /** Ends the agents whose time is over; their KV goes with them. */
  async sweep(): Promise<void> {
    for (const agent of this.#tree.expired(this.#clock.now())) {
      if (!this.#turns.isBusy(agent.id)) await this.#remove(agent, true);
    }
    if (this.#store.status().state !== 'ready') return;
    this.#meetStored();
    await this.saveRest();
  }

  /** Writes agents that could not be written when they changed. */
  async saveRest(): Promise<void> {
    for (const id of [...this.#unsaved]) {
      const agent = this.#tree.list(EVERYONE).find((other) => other.id === id);
      if (agent === undefined) this.#unsaved.delete(id);
      else await this.#save(agent);
    }
  }

  /** Throws when an invariant does not hold. */
  checkIntegrity(): void {
    this.#tree.checkIntegrity();
  }

  async *#turn(
    agent: AgentContext,
    request: AgentTurnRequest,
    options: { readonly signal?: AbortSignal },
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const { busy: _, tools, ...rest } = request;
    const messages = [...agent.messages, ...request.messages];
    const { persist, pinned, maxTokens: quotaTokens } = agent.policy;
    const whole: GenerationRequest = {
      ...rest,
      ...identityOf(agent),
      messages,
      tools: tools ?? agent.tools,
      cachePrompt: true,
      persist,
      pinned,
      quotaTokens,
    };
    let text = '';
    let report: AgentContext['report'] = null;
    for await (const event of this.#engine.submit(whole, options)) {
      if (event.type === 'started') report = event.cache;
      if (event.type === 'token') text += event.text;
      if (event.type === 'finished') {
        const answered = [...messages, { role: 'assistant', content: text }];
        const { completionTokens } = event.usage;
        const end = {
          messages: answered,
          tools: whole.tools,
          tokens: event.tokens!,
          fingerprint: this.#engine.model.fingerprint,
          completionTokens,
          report: report!,
        };
        const ended = endTurn(this.#tree.get(agent.id, EVERYONE), end, this.#clock.now());
        this.#tree.update(ended);
        await this.#save(ended);
      }
      yield event;
    }
  }

  async #remove(agent: AgentContext, purge: boolean): Promise<RemovedAgent> {
    const { moved } = this.#tree.remove(agent.id);
    const identity = identityOf(agent);
    await this.#engine.kept.release((entry) => isOf(entry, identity));
    this.#engine.histories.forget(identity);
    const gone = this.#shadowing.has(agent.id) ? this.#unshadow(agent.id) : await this.#removeStored(agent, purge);
    for (const child of moved) await this.#save(child);
    return { id: agent.id, ...gone };
  }

  /** What the store has under the name is another agent, and seen again. */
  #unshadow(id: string): typeof NOTHING {
    this.#shadowing.delete(id);
    const other = this.#store.agents().find((stored) => stored.id === id);
    if (other !== undefined) this.#join(other);
    return NOTHING;
  }

  async #removeStored(agent: AgentContext, purge: boolean): Promise<typeof NOTHING> {
    const gone = purge ? await this.#purge(agent) : NOTHING;
    if (!purge) await this.#store.disown(agentOwner(agent.id));
    await this.#store.dropAgent(agent.id);
    this.#stored.delete(agent.id);
    return gone;
  }

  async #purge(agent: AgentContext): Promise<{ readonly blocks: number; readonly bytes: number }> {
    await this.#engine.parking.flush();
    return this.#store.purge(agentOwner(agent.id));
  }

  /** The agents of a store, which may open late; those made before then keep the name they were given. */
  #meetStored(): void {
    if (this.#hasMet) return;
    this.#hasMet = this.#store.status().state === 'ready';
    const ours = new Set(this.#tree.list(EVERYONE).map(({ id }) => id));
    for (const agent of AgentTree.of(this.#store.agents()).list(EVERYONE)) {
      if (this.#stored.has(agent.id)) continue;
      if (ours.has(agent.id)) this.#shadowing.add(agent.id);
      else this.#join(agent);
    }
  }

  #join(agent: AgentContext): void {
    const { parent } = agent;
    const joins = parent === null || (this.#stored.has(parent) && !this.#shadowing.has(parent));
    this.#tree.add(joins ? agent : { ...agent, parent: null });
    this.#stored.add(agent.id);
    this.#recall(agent);
  }

  /** What cannot be written stays in memory, and is written with its next turn, or when the store is ready again. */
  async #save(agent: AgentContext): Promise<void> {
    this.#meetStored();
    this.#unsaved.delete(agent.id);
    if (agent.policy.persist !== 'disk') return;
    try {
      if (this.#shadowing.has(agent.id)) throw shadowed(agent.id);
      await this.#store.putAgent(agent);
      this.#stored.add(agent.id);
      if (this.#unsaved.size === 0) this.#lastFailure = null;
    } catch (error) {
      this.#unsaved.add(agent.id);
      this.#noted(error);
    }
  }

  readonly #noted = (error: unknown): void => {
    this.#lastFailure = (error as Error).message;
  };

  #recall(agent: AgentContext): void {
    const { tokens, fingerprint } = agent;
    if (tokens.length > 0)
      this.#engine.histories.set(identityOf(agent), { tokens, digest: digestOf(agent, sha256), fingerprint, lost: null });
  }

  #view(agent: AgentContext): AgentView {
    const state = this.#turns.waiting(agent.id) > 0 ? 'waiting' : this.#turns.isBusy(agent.id) ? 'running' : 'idle';
    const children = this.#tree.childrenOf(agent.id, EVERYONE).map(({ id }) => id);
    return { ...agent, state, children, place: placeOf(agent, identityOf(agent), this.#engine, this.#store) };
  }

  #get(id: string, caller: Caller): AgentContext {
    assertAgentId(id);
    return this.#tree.get(id, caller);
  }

  #assertIdle(id: string): void {
    if (!this.#turns.isBusy(id)) return;
    throw new SemanticError('AgentConflict', `[agents] ${id} is in the middle of a turn`, { hint: 'Wait until it has ended, or fork it.' });
  }

  #assertRoom(): void {
    const { maxAgents } = this.#limits;
    if (this.#tree.size < maxAgents) return;
    throw new SemanticError('QuotaExceeded', `[agents] there are ${maxAgents} agents, and no more may be`, {
      hint: 'Remove some, give them a TTL, or raise agents.max.',
    });
  }
}

const EVERYONE: Caller = { scope: '', seesAll: true };
const NOTHING: { readonly blocks: number; readonly bytes: number } = { blocks: 0, bytes: 0 };

function shadowed(id: string): SemanticError {
  return new SemanticError('CachePersistence', `[agents] the store has another agent ${id}, from before this one was made`, {
    hint: 'Fork this one under another name, and remove it.',
  });
}

function identityOf({ id, scope }: AgentContext): Identity & { readonly sessionId: string } {
  return { scope, sessionId: agentOwner(id) };
}

function isOf(entry: Identity, { scope, sessionId }: Identity): boolean {
  return entry.scope === scope && entry.sessionId === sessionId;
}

/** `name` -> `name.1a2b3c`, at most 128 characters. */
function childId(parent: string): string {
  return `${parent.slice(0, 120)}.${randomBytes(3).toString('hex')}`;
}
