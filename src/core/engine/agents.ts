/**
 * Agents: conversations with an identity, over an engine that knows none. A turn renders the whole conversation, and the engine finds
 * by its tokens what is there already; so an agent never holds KV itself, and is right whatever becomes of it.
 */
import { randomBytes } from 'node:crypto';
import {
  type AgentContext,
  agentOwner,
  type AgentPolicy,
  assertAgentId,
  type Caller,
  EVERYONE,
  type Rewind,
  tokensWith,
} from '../domain/agent.js';
import { stepsOf } from '../domain/agent-steps.js';
import { endTurn } from '../domain/end-turn.js';
import { SemanticError } from '../domain/errors.js';
import { digestOf } from '../domain/prompt-digest.js';
import { newAgent } from '../domain/new-agent.js';
import type { EngineEvent, GenerationRequest } from '../domain/request.js';
import type { Clock, KvStore } from '../ports.js';
import { identityOf, isSameIdentity } from './agent-identity.js';
import { AgentFiles } from './agent-files.js';
import { AgentRegistry } from './agent-registry.js';
import type { AgentService, AgentStep, AgentTurnRequest, AgentTurnStarted, AgentView, NewAgent, RemovedAgent } from './agent-service.js';
import type { Engine } from './engine.js';
import { placeOf } from './place-of.js';
import type { ResidentEngines } from './resident-engines.js';
import { sha256 } from './sha256.js';
import { TurnLocks } from './turn-locks.js';
import { WireAgents } from './wire-agents.js';

export interface AgentLimits {
  readonly maxAgents: number;
  /** Where a new agent says nothing. */
  readonly policy: AgentPolicy;
  /** What a turn does that finds its agent in the middle of another one. */
  readonly busy: 'wait' | 'fork';
  /** Seconds after its last use at which an agent ends that a client's requests have made; null = never. */
  readonly wireTtlSeconds: number | null;
  /** Told why a client's request is served without a record. */
  readonly log?: (message: string) => void;
  /** Lets go of what else is kept of an agent on disk, under `agentOwner`. */
  readonly forget?: (owner: string) => Promise<void>;
}

export class Agents implements AgentService {
  /** Answers the requests of clients, which become turns of agents where they say whose they are. */
  readonly wire: WireAgents;
  readonly #engines: ResidentEngines;
  readonly #store: KvStore;
  readonly #clock: Clock;
  readonly #limits: AgentLimits;
  readonly #registry: AgentRegistry;
  readonly #files: AgentFiles;
  readonly #turns = new TurnLocks();

  constructor(engines: ResidentEngines, store: KvStore, clock: Clock, limits: AgentLimits) {
    this.#engines = engines;
    this.#store = store;
    this.#clock = clock;
    this.#limits = limits;
    this.#files = new AgentFiles(engines, store);
    const registry = new AgentRegistry(store, (agent) => this.#recall(agent));
    this.#registry = registry;
    const { maxAgents, wireTtlSeconds: ttlSeconds, log = () => undefined } = limits;
    const remove = async (agent: AgentContext): Promise<void> => void (await this.#remove(agent, false));
    this.wire = new WireAgents({ engines, registry, clock, maxAgents, ttlSeconds, remove, log });
  }

  /** Why an agent could last not be written to disk; null when all are. */
  get lastFailure(): string | null {
    return this.#registry.lastFailure;
  }

  async create({ id, messages = [], tools = [], policy }: NewAgent, { scope }: Caller): Promise<AgentView> {
    this.#assertRoom();
    const agent = newAgent(
      {
        id: id ?? `agent-${randomBytes(6).toString('hex')}`,
        scope,
        parent: null,
        policy: { ...this.#limits.policy, ...policy },
        fingerprint: this.#engines.current?.model.fingerprint ?? '', // until its first turn
        messages,
        tools,
      },
      this.#clock.now(),
    );
    this.#registry.tree.add(agent);
    await this.#registry.save(agent);
    return this.#view(agent);
  }

  list(caller: Caller): readonly AgentView[] {
    return this.#registry.tree.list(caller).map((agent) => this.#view(agent));
  }

  show(id: string, caller: Caller): AgentView {
    return this.#view(this.#get(id, caller));
  }

  turns(id: string, caller: Caller): readonly AgentStep[] {
    const agent = this.#get(id, caller);
    const engine = this.#engines.withFingerprint(agent.fingerprint); // ids of other models have another text
    const textOf = (ids: Int32Array | null): string | null =>
      ids === null || engine === null ? null : engine.model.tokenizer.decode(ids, { skipSpecialTokens: false });
    return stepsOf(agent).map(({ turn, added, read, written }) => ({
      ...turn,
      added,
      rendered: textOf(read),
      generated: textOf(written),
      generatedTokens: written === null ? null : [...written],
    }));
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
    let agent = this.#registry.tree.fork(id, child.id ?? childId(id), this.#clock.now());
    if (child.policy !== undefined) {
      agent = { ...agent, policy: { ...agent.policy, ...child.policy } };
      this.#registry.tree.update(agent);
    }
    this.#recall(agent);
    const { policy, tokens, scope } = agent;
    const engine = this.#engines.holding(agent);
    if (engine !== null && policy.persist !== 'none') {
      await engine.kept.share(identityOf(parent), identityOf(agent), tokens, policy.pinned);
      if (policy.persist === 'disk') engine.parking.adopt(tokens, scope, agentOwner(agent.id));
    }
    await this.#registry.save(agent);
    return this.#view(agent);
  }

  async rewind(id: string, to: Rewind, caller: Caller): Promise<AgentView> {
    this.#get(id, caller);
    this.#assertIdle(id);
    const agent = this.#registry.tree.rewind(id, to, this.#clock.now());
    await this.#registry.save(agent);
    return this.#view(agent);
  }

  async setPolicy(id: string, change: Partial<AgentPolicy>, caller: Caller): Promise<AgentView> {
    const before = this.#get(id, caller);
    const agent = { ...before, policy: { ...before.policy, ...change } };
    this.#registry.tree.update(agent);
    for (const engine of this.#engines.all()) await engine.kept.pin(identityOf(agent), agent.policy.pinned);
    await this.#store.pin(agentOwner(id), agent.policy.pinned);
    if (before.policy.persist === 'disk' && agent.policy.persist !== 'disk') await this.#purge(agent);
    if (before.policy.persist !== 'disk' && agent.policy.persist === 'disk')
      await this.#files.park(agent).catch((error: unknown) => this.#registry.noteFailure(error));
    await this.#registry.save(agent);
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
        const { client: _, ...known } = stored;
        const named = { ...known, id: options.id ?? stored.id, scope, parent: null };
        this.#registry.tree.add(named); // takes the id before anything is written
        return named;
      },
      (id) => void this.#registry.tree.remove(id),
    );
    this.#recall(agent);
    return this.#view(agent);
  }

  /** A model has come into memory: what agents had read and written with it is what it goes on from. */
  meet(engine: Engine): void {
    for (const agent of this.#registry.tree.list(EVERYONE)) recall(agent, engine);
  }

  /** Agents there are, of all scopes. */
  get count(): number {
    return this.#registry.tree.size;
  }

  /** Ends the agents whose time is over; their KV goes with them. */
  async sweep(): Promise<void> {
    for (const agent of this.#registry.tree.expired(this.#clock.now())) {
      if (!this.#isBusy(agent.id)) await this.#remove(agent, true);
    }
    if (this.#store.status().state !== 'ready') return;
    this.#registry.meetStored();
    await this.saveRest();
  }

  /** Writes what could not be written when it changed: agents, and the KV that memory has of them. */
  async saveRest(): Promise<void> {
    await this.#registry.saveRest();
    for (const engine of this.#engines.all()) await engine.kept.storeRest();
  }

  /** Throws when an invariant does not hold. */
  checkIntegrity(): void {
    this.#registry.tree.checkIntegrity();
  }

  async *#turn(
    agent: AgentContext,
    request: AgentTurnRequest,
    options: { readonly signal?: AbortSignal },
  ): AsyncGenerator<EngineEvent, void, undefined> {
    const { busy: _, tools, ...rest } = request;
    const messages = [...agent.messages, ...request.messages];
    const { persist, pinned, maxTokens: quotaTokens } = agent.policy;
    const engine = this.#engines.get(request.model);
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
    for await (const event of engine.submit(whole, options)) {
      if (event.type === 'started') report = event.cache;
      if (event.type === 'token') text += event.text;
      if (event.type === 'finished') {
        const answered = [...messages, { role: 'assistant', content: text }];
        const { completionTokens } = event.usage;
        const end = {
          messages: answered,
          tools: whole.tools,
          tokens: event.tokens!,
          fingerprint: engine.model.fingerprint,
          completionTokens,
          report: report!,
        };
        const ended = endTurn(this.#registry.tree.get(agent.id, EVERYONE), end, this.#clock.now());
        this.#registry.tree.update(ended);
        await this.#registry.save(ended);
      }
      yield event;
    }
  }

  async #remove(agent: AgentContext, purge: boolean): Promise<RemovedAgent> {
    const identity = identityOf(agent);
    let gone = NOTHING;
    await this.#registry.remove(agent, async (isStored) => {
      for (const { histories, kept } of this.#engines.all()) {
        await kept.release((entry) => isSameIdentity(entry, identity));
        histories.forget(identity);
      }
      if (isStored && purge) gone = await this.#purge(agent);
      else if (isStored) await this.#store.disown(agentOwner(agent.id));
    });
    await this.#limits.forget?.(agentOwner(agent.id));
    return { id: agent.id, ...gone };
  }

  async #purge(agent: AgentContext): Promise<{ readonly blocks: number; readonly bytes: number }> {
    for (const { parking } of this.#engines.all()) await parking.flush();
    return this.#store.purge(agentOwner(agent.id));
  }

  #recall(agent: AgentContext): void {
    for (const engine of this.#engines.all()) recall(agent, engine);
  }

  #view(agent: AgentContext): AgentView {
    const state = this.#turns.waiting(agent.id) > 0 ? 'waiting' : this.#isBusy(agent.id) ? 'running' : 'idle';
    const children = this.#registry.tree.childrenOf(agent.id, EVERYONE).map(({ id }) => id);
    return { ...agent, state, children, place: placeOf(agent, this.#engines, this.#store) };
  }

  #get(id: string, caller: Caller): AgentContext {
    assertAgentId(id);
    return this.#registry.tree.get(id, caller);
  }

  #isBusy(id: string): boolean {
    return this.#turns.isBusy(id) || this.wire.isRunning(id);
  }

  #assertIdle(id: string): void {
    if (!this.#isBusy(id)) return;
    throw new SemanticError('AgentConflict', `[agents] ${id} is in the middle of a turn`, { hint: 'Wait until it has ended, or fork it.' });
  }

  #assertRoom(): void {
    const { maxAgents } = this.#limits;
    if (this.#registry.tree.size < maxAgents) return;
    throw new SemanticError('QuotaExceeded', `[agents] there are ${maxAgents} agents, and no more may be`, {
      hint: 'Remove some, give them a TTL, or raise agents.max.',
    });
  }
}

/** What it has of this model, or else what it has of the last one: then a miss can be explained. */
function recall(agent: AgentContext, { histories, model }: Engine): void {
  const own = tokensWith(agent, model.fingerprint);
  const [tokens, fingerprint] = own === null ? [agent.tokens, agent.fingerprint] : [own, model.fingerprint];
  if (tokens.length > 0) histories.set(identityOf(agent), { tokens, digest: digestOf(agent, sha256), fingerprint, lost: null });
}

const NOTHING: { readonly blocks: number; readonly bytes: number } = { blocks: 0, bytes: 0 };

/** `name` -> `name.1a2b3c`, at most 128 characters. */
function childId(parent: string): string {
  return `${parent.slice(0, 120)}.${randomBytes(3).toString('hex')}`;
}
