/** What servers and commands may ask of agents and of the cache. Implemented by the engine in this process. */
import type { AgentContext, AgentPolicy, AgentTurn, Caller, Rewind } from '../domain/agent.js';
import type { BlockHash } from '../domain/block-hash.js';
import type { PoolCounts } from '../domain/block-pool.js';
import type { ChatMessage } from '../domain/chat-message.js';
import type { EngineEvent, GenerationRequest } from '../domain/request.js';
import type { StoreStatus, VerifyReport } from '../ports.js';

export interface NewAgent {
  /** One is made up where it is missing. */
  readonly id?: string;
  readonly messages?: readonly ChatMessage[];
  readonly tools?: readonly unknown[];
  readonly policy?: Partial<AgentPolicy>;
}

/** Where an agent's KV is now. */
export interface AgentPlace {
  /** Tokens whose KV is in engine memory, from the start. */
  readonly memoryTokens: number;
  /** Tokens whose KV is on disk, from the start. */
  readonly diskTokens: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
}

/** A restore point of an agent with what lies between it and the one before. */
export interface AgentStep extends AgentTurn {
  /** New with it: what came in, and the answer. */
  readonly added: readonly ChatMessage[];
  /** The text that the model read anew, as it was rendered; null where its ids are not known any more, or are of another model. */
  readonly rendered: string | null;
  /** And what it wrote, with special tokens. */
  readonly generated: string | null;
  readonly generatedTokens: readonly number[] | null;
}

export interface AgentView extends AgentContext {
  readonly state: 'idle' | 'waiting' | 'running';
  readonly place: AgentPlace;
  readonly children: readonly string[];
}

/** One turn: what is new, and how to answer it. */
export type AgentTurnRequest = Omit<
  GenerationRequest,
  'sessionId' | 'scope' | 'persist' | 'pinned' | 'quotaTokens' | 'cachePrompt' | 'tools'
> & {
  /** Null keeps the agent's own. */
  readonly tools: readonly unknown[] | null;
  /** While another turn of the agent runs: wait for it, or answer as a new child; null = as configured. */
  readonly busy: 'wait' | 'fork' | null;
};

/** First of the events of a turn: who answers, which is a new child where the agent was busy. */
export interface AgentTurnStarted {
  readonly type: 'agent';
  readonly id: string;
}

export type { Rewind };

export interface RemovedAgent {
  readonly id: string;
  /** Blocks that no one else uses, and their bytes, gone from disk. */
  readonly blocks: number;
  readonly bytes: number;
}

/** Every method throws AgentNotFound for an id the caller does not see, InvalidRequest for an id that is none. */
export interface AgentService {
  /** AgentConflict where the id is taken. */
  create(agent: NewAgent, caller: Caller): Promise<AgentView>;
  list(caller: Caller): readonly AgentView[];
  show(id: string, caller: Caller): AgentView;
  /** What it was created with, and every turn since: what came in, what was read, what was there, what was written. */
  turns(id: string, caller: Caller): readonly AgentStep[];
  /** Appends `request.messages` to the agent's and answers; question and answer become part of it when the turn ends. */
  generate(
    id: string,
    request: AgentTurnRequest,
    caller: Caller,
    options?: { readonly signal?: AbortSignal },
  ): AsyncGenerator<AgentTurnStarted | EngineEvent, void, undefined>;
  /** A child that begins where its parent is now, sharing its KV. */
  fork(id: string, child: { readonly id?: string; readonly policy?: Partial<AgentPolicy> }, caller: Caller): Promise<AgentView>;
  /** Back by so many turns, or to the first `messages`. AgentConflict in the middle of a turn. */
  rewind(id: string, to: Rewind, caller: Caller): Promise<AgentView>;
  setPolicy(id: string, policy: Partial<AgentPolicy>, caller: Caller): Promise<AgentView>;
  /** Children stay, as children of its parent. `purge`: its KV leaves the disk too, but for what others use, and that is verified. */
  remove(id: string, options: { readonly purge: boolean; readonly dryRun: boolean }, caller: Caller): Promise<RemovedAgent>;
  /** One portable file of agent and KV. */
  exportAgent(id: string, caller: Caller): Promise<{ readonly bytes: number; readonly chunks: AsyncIterable<Uint8Array> }>;
  /** CacheMismatch, with the reason, for KV of another fingerprint; CacheCorruption for a damaged file; AgentConflict for a taken id. */
  importAgent(file: AsyncIterable<Uint8Array>, options: { readonly id?: string }, caller: Caller): Promise<AgentView>;
}

export interface CachedBlockView {
  readonly hash: BlockHash;
  readonly parent: BlockHash;
  readonly index: number;
  readonly tokens: number;
  /** First characters of its text. */
  readonly text: string;
  readonly images: readonly { readonly kind: number; readonly bytes: number; readonly extent: string }[];
  readonly owners: readonly string[];
}

export interface CacheOverview {
  readonly fingerprint: string;
  readonly model: string;
  /** Blocks in engine memory; what several hold counts once. */
  readonly memory: PoolCounts & {
    readonly runningBytes: number;
    readonly sequences: number;
    readonly tokens: number;
    readonly sharedBlocks: number;
  };
  readonly disk: StoreStatus;
  /** Since the daemon started: prompt tokens, and where their KV came from. */
  readonly hits: {
    readonly promptTokens: number;
    readonly memoryTokens: number;
    readonly diskTokens: number;
    readonly ratio: number;
    readonly misses: Readonly<Record<string, number>>;
  };
}

export interface CacheService {
  inspect(): CacheOverview;
  /** The chain of one agent, first block first. */
  inspectAgent(
    id: string,
    caller: Caller,
  ): { readonly agent: AgentView; readonly blocks: readonly (CachedBlockView & { readonly tier: 'memory' | 'disk' | 'both' | 'none' })[] };
  /** A block by its hash, or by at least 6 of its first digits; AgentNotFound-like errors: InvalidRequest where none or several match. */
  inspectBlock(hash: string): CachedBlockView;
  /** Lets KV go from memory: of one agent or of all that is not in use. `disk`: what is not there yet is written first. */
  evict(
    options: { readonly agent: string | null; readonly to: 'disk' | 'none'; readonly dryRun: boolean },
    caller: Caller,
  ): Promise<{ readonly sequences: number; readonly bytes: number; readonly writtenBytes: number }>;
  /** Reads every stored image and checks it; damaged ones are put aside. */
  verify(onProgress?: (done: number, total: number) => void): Promise<VerifyReport>;
}
