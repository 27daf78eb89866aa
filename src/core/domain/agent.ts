/** An agent: a conversation with an identity, whose KV outlives its turns, its process and its model. */
import type { CacheReport } from './cache-report.js';
import type { ChatMessage } from './chat-message.js';
import { SemanticError } from './errors.js';

/** How long KV is kept: not beyond the turn, while memory lasts, or on disk too. */
export type Persist = 'none' | 'ram' | 'disk';

export interface AgentPolicy {
  readonly persist: Persist;
  /** Seconds after its last use at which an agent ends; null = never. */
  readonly ttlSeconds: number | null;
  /** Its KV is never evicted, in memory or on disk. */
  readonly pinned: boolean;
  /** Quota: most tokens it may hold; null = what the context allows. */
  readonly maxTokens: number | null;
}

/** A restore point: what there was when a turn ended, or, with 0 tokens and before all turns, what the agent was created with. */
export interface AgentTurn {
  readonly messages: number;
  readonly tokens: number;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** What the turn was; absent at the creation, and where it was stored before this was noted. */
  readonly told?: TurnReport;
}

/** How a turn went: what was read, what of it was there, and what was written. */
export interface TurnReport {
  readonly cache: CacheReport;
  readonly completionTokens: number;
}

/** The tokens of an agent's last turn with a model that is not the one it spoke with last. */
export interface TokensElsewhere {
  readonly fingerprint: string;
  readonly tokens: Int32Array;
}

/** All that is known of an agent. Plain data: it is stored as it is. */
export interface AgentContext {
  readonly id: string;
  /** Whose it is: see `Caller`. */
  readonly scope: string;
  readonly parent: string | null;
  /** Who makes its turns by requests of its own that carry all of the conversation; absent where turns are asked for by the agent's id. */
  readonly client?: string;
  readonly createdAt: number; // ms since 1970
  readonly usedAt: number; // ms since 1970
  readonly messages: readonly ChatMessage[];
  readonly tools: readonly unknown[];
  /** What its model has read and written, in the ids it really emitted; of the last turn's whole prompt and output. */
  readonly tokens: Int32Array;
  /** Of the model, tokenizer, template and KV format that `tokens` are of. */
  readonly fingerprint: string;
  /** What it had read and written with other models, the last one first: their KV is found again when they are back. Absent where there was none. */
  readonly elsewhere?: readonly TokensElsewhere[];
  readonly turns: readonly AgentTurn[];
  readonly policy: AgentPolicy;
  readonly totals: { readonly promptTokens: number; readonly cachedTokens: number; readonly completionTokens: number };
  /** Names of the rules that changed how its last turn was written; absent where none could. */
  readonly rewrittenBy?: readonly string[];
  /** Of its last turn. */
  readonly report: CacheReport | null;
}

/** Back by so many turns, or to the first `messages`. */
export type Rewind = { readonly turns: number } | { readonly messages: number };

/** Who asks: KV and agents of one API key are not another's. Over the daemon's own socket one sees all. */
export interface Caller {
  readonly scope: string;
  readonly seesAll: boolean;
}

/** The daemon itself. */
export const EVERYONE: Caller = { scope: '', seesAll: true };

/** Scope of requests without an API key. */
export const LOCAL_SCOPE = 'local';

/** What the agent had read and written with a model; null where it never spoke with it. */
export function tokensWith({ fingerprint: last, tokens, elsewhere = [] }: AgentContext, fingerprint: string): Int32Array | null {
  const known = last === fingerprint ? tokens : elsewhere.find((other) => other.fingerprint === fingerprint)?.tokens;
  return known === undefined || known.length === 0 ? null : known;
}

/** Under what name an agent's KV is known: to the engine as a session, to the store as an owner. */
export function agentOwner(id: string): string {
  return `${AGENT_OWNER}${id}`;
}

/** The agent that a session is of; null for a client's own. */
export function agentOfSession(sessionId: string | null): string | null {
  return sessionId?.startsWith(AGENT_OWNER) === true ? sessionId.slice(AGENT_OWNER.length) : null;
}

const AGENT_OWNER = 'agent/';

const AGENT_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** Throws InvalidRequest; ids become file names and paths, so nothing else may pass. */
export function assertAgentId(id: string, param = 'id'): void {
  if (AGENT_ID.test(id)) return;
  throw new SemanticError(
    'InvalidRequest',
    `[agents] ${param} wants 1 to 128 of A-Z a-z 0-9 . _ - starting with a letter or digit, got ${JSON.stringify(id.slice(0, 140))}`,
    {
      param,
    },
  );
}
