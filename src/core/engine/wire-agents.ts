/**
 * Agents of clients that know none: every request carries a whole conversation, and some say whose it is. Such a request becomes a turn of
 * its agent, which is made when it is first heard of; the record is what the client last said and what was answered. A request that
 * does not say whose it is, and one beside the conversation, goes to the engine as nobody's.
 */
import { type AgentContext, agentOwner, type AgentPolicy, EVERYONE } from '../domain/agent.js';
import type { AgentHint } from '../domain/agent-hint.js';
import { endTurn } from '../domain/end-turn.js';
import { inSlices } from '../domain/in-slices.js';
import { newAgent } from '../domain/new-agent.js';
import { outlineInSteps, outlineOf } from '../domain/outline.js';
import type { EngineEvent, GenerationRequest, TextGenerator } from '../domain/request.js';
import type { Clock } from '../ports.js';
import type { AgentRegistry } from './agent-registry.js';
import type { ResidentEngines } from './resident-engines.js';
import { sha256 } from './sha256.js';
import { type RecordedThread, WireThreads } from './wire-threads.js';

export interface WireAgentsOptions {
  readonly engines: ResidentEngines;
  readonly registry: AgentRegistry;
  readonly clock: Clock;
  readonly maxAgents: number;
  /** Seconds after its last use at which such an agent ends; null = never. */
  readonly ttlSeconds: number | null;
  /** Takes an agent out, and lets its KV go from memory; on disk it stays while there is room. */
  readonly remove: (agent: AgentContext) => Promise<void>;
  /** Told why a request is served without a record. */
  readonly log: (message: string) => void;
}

type Submitted = Parameters<TextGenerator['submit']>[1];
type Events = AsyncGenerator<EngineEvent, void, undefined>;

export class WireAgents implements TextGenerator {
  readonly #threads: WireThreads;
  /** Turns that run, by agent. */
  readonly #running = new Map<string, number>();

  constructor(private readonly options: WireAgentsOptions) {
    this.#threads = new WireThreads(THREADS_PER_AGENT * options.maxAgents);
  }

  isRunning(id: string): boolean {
    return this.#running.has(id);
  }

  async *submit({ agent: hint, ...request }: GenerationRequest, options: Submitted = {}): Events {
    const engine = this.options.engines.get(request.model);
    if (hint === undefined) return yield* engine.submit(request, options);
    const outline = await inSlices(outlineInSteps(request, sha256));
    const relation = this.#threads.place(hint.id, outline, () => this.#recorded(hint.id));
    if (relation === 'beside') {
      const persist = request.persist === 'disk' ? 'ram' : request.persist;
      return yield* engine.submit({ ...request, relation, sessionId: null, besideSession: this.#sessionOf(hint.id), persist }, options);
    }
    const leave = this.#enter(hint.id);
    try {
      const agent = await this.#join(hint, request);
      if (agent === null) yield* engine.submit({ ...request, relation, sessionId: unrecorded(hint.id) }, options);
      else yield* this.#turn(agent, { ...request, relation }, options);
    } finally {
      leave();
    }
  }

  async *#turn({ id, policy }: AgentContext, request: GenerationRequest, options: Submitted): Events {
    const { clock, engines, registry } = this.options;
    const engine = engines.get(request.model);
    const { persist, pinned, maxTokens: quotaTokens } = policy;
    let text = '';
    let report: AgentContext['report'] = null;
    let isQueued = false;
    let ended: AgentContext | null = null;
    try {
      for await (const event of engine.submit({ ...request, sessionId: agentOwner(id), persist, pinned, quotaTokens }, options)) {
        if (event.type === 'queued') isQueued = true;
        if (event.type === 'started') report = event.cache;
        if (event.type === 'token') text += event.text;
        const agent = event.type === 'finished' ? registry.tree.find(id) : undefined;
        if (event.type === 'finished' && agent !== undefined) {
          const end = {
            messages: answered(request, text),
            tools: request.tools,
            tokens: event.tokens!,
            fingerprint: engine.model.fingerprint,
            completionTokens: event.usage.completionTokens,
            report: report!,
          };
          const { rewrittenBy = [] } = request;
          ended = { ...endTurn(agent, end, clock.now()), rewrittenBy };
          registry.tree.update(ended);
        }
        yield event;
      }
    } finally {
      if (!isQueued) await this.#dropUnused(id);
      if (ended !== null) await registry.save(ended); // the answer does not wait for the disk
    }
  }

  /** The agent, and those it works for, made where they are not there; null where they cannot be. */
  async #join({ id, ancestors, client }: AgentHint, { model, scope, persist }: GenerationRequest): Promise<AgentContext | null> {
    const { clock, engines, registry, ttlSeconds } = this.options;
    const { tree } = registry;
    const line = [...ancestors, id];
    const isOther = (agent: AgentContext | undefined): boolean =>
      agent !== undefined && (agent.client === undefined || agent.scope !== scope);
    const taken = line.find((name) => isOther(tree.find(name)));
    if (taken !== undefined) return this.#refuse(`${taken} is an agent of somebody else`, id);
    if (!(await this.#makeRoom(line))) return this.#refuse(`there are ${this.options.maxAgents} agents, and none that may go`, id);
    const policy: AgentPolicy = { persist, ttlSeconds, pinned: false, maxTokens: null };
    const what = { scope, client, policy, fingerprint: engines.get(model).model.fingerprint, messages: [], tools: [] };
    const made: AgentContext[] = [];
    for (const [i, name] of line.entries()) {
      if (tree.find(name) !== undefined) continue;
      const agent = newAgent({ ...what, id: name, parent: line[i - 1] ?? null }, clock.now());
      tree.add(agent);
      made.push(agent);
    }
    const agent = tree.find(id)!;
    for (const ancestor of made) if (ancestor !== agent) await registry.save(ancestor); // its own turns may be long in coming
    return agent;
  }

  #refuse(why: string, id: string): null {
    this.options.log(`[agents] a request of ${id} is served without a record: ${why}`);
    return null;
  }

  /** Whether those of `line` that are not there can be made: the agents of clients go that were not used for longest. */
  async #makeRoom(line: readonly string[]): Promise<boolean> {
    const { maxAgents, registry, remove } = this.options;
    const { tree } = registry;
    const wanted = (): number => tree.size + line.filter((id) => tree.find(id) === undefined).length - maxAgents;
    const mayGo = ({ id, client, policy }: AgentContext): boolean =>
      client !== undefined && !policy.pinned && !this.isRunning(id) && !line.includes(id);
    while (wanted() > 0) {
      const oldest = tree.oldest(mayGo);
      if (oldest === null) return false;
      await remove(oldest);
    }
    return true;
  }

  /** One that was refused its first turn leaves no trace. */
  async #dropUnused(id: string): Promise<void> {
    const { registry, remove } = this.options;
    const agent = registry.tree.find(id);
    if (agent === undefined || agent.turns.length > 0 || this.#running.get(id) !== 1) return;
    if (registry.tree.childrenOf(id, EVERYONE).length > 0) return;
    this.#threads.forget(id);
    await remove(agent);
  }

  #recorded(id: string): RecordedThread | null {
    const agent = this.options.registry.tree.find(id);
    if (agent === undefined || agent.turns.length === 0) return null;
    const messages = agent.messages.slice(0, -1); // without the answer
    return { outline: outlineOf({ ...agent, messages }, sha256), turns: agent.turns.length };
  }

  /** Under what name the engine knows the conversation of an agent. */
  #sessionOf(id: string): string {
    return this.options.registry.tree.find(id)?.client === undefined ? unrecorded(id) : agentOwner(id);
  }

  #enter(id: string): () => void {
    this.#running.set(id, (this.#running.get(id) ?? 0) + 1);
    return () => {
      const left = this.#running.get(id)! - 1;
      if (left === 0) this.#running.delete(id);
      else this.#running.set(id, left);
    };
  }
}

/** The session of an agent that has no record. */
function unrecorded(id: string): string {
  return `session/${id}`;
}

/** Sub-agents and sessions whose record is gone may come back. */
const THREADS_PER_AGENT = 2;

/** A prompt that ends with the beginning of the answer has it in one message with the rest. */
function answered({ messages, continuesLast }: GenerationRequest, text: string): GenerationRequest['messages'] {
  const last = messages.at(-1);
  if (continuesLast !== true || last === undefined) return [...messages, { role: 'assistant', content: text }];
  return [...messages.slice(0, -1), { ...last, content: `${last.content ?? ''}${text}` }];
}
