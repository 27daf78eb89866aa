/** One canonical request, validated once at the border, and the events that answer it. Every dialect maps to and from these. */
import { LOCAL_SCOPE, type Persist } from './agent.js';
import type { AgentHint } from './agent-hint.js';
import type { CacheReport } from './cache-report.js';
import type { ChatMessage } from './chat-message.js';
import type { OutputConstraint } from './output-constraint.js';
import type { Pooling } from './pooling.js';
import type { Priority } from './priority.js';
import type { TraceParent } from './trace-parent.js';
import type { SamplingParams } from './sampling.js';

export interface GenerationRequest {
  /** The name of the model that answers, of those in memory; the current one where nothing is said. */
  readonly model?: string;
  readonly messages: readonly ChatMessage[];
  /** In place of the messages: text, or ids of the vocabulary, that no template goes around. */
  readonly prompt?: string | Int32Array;
  /** Handed to the chat template as they came. */
  readonly tools: readonly unknown[];
  readonly sampling: SamplingParams;
  /** Report the log-probability of every token. */
  readonly logprobs: boolean;
  /** Most tokens to generate; null = whatever the context leaves. */
  readonly maxTokens: number | null;
  readonly stopStrings: readonly string[];
  /** Besides the ids the model itself ends a turn with. */
  readonly stopTokenIds: readonly number[];
  /** Go on past the model's own end-of-turn ids. */
  readonly ignoreEos: boolean;
  /** Reuse KV of an earlier request, and leave this one's behind. */
  readonly cachePrompt: boolean;
  /** How long KV stays that this request leaves behind. */
  readonly persist: Persist;
  /** Nothing is reused of another scope: see `Caller`. */
  readonly scope: string;
  /** A hint whose KV this continues; the comparison of token ids decides. */
  readonly sessionId: string | null;
  /** Whose turn it is, where its client said so: who follows agents takes it up, and the engine does not read it. */
  readonly agent?: AgentHint;
  /** How it stands to what its session has; it goes on from there where nothing is said. */
  readonly relation?: Relation;
  /** The session it stands beside: what it did not find of that is explained, and nothing of it touched. */
  readonly besideSession?: string;
  /** Names of the rules that changed how its conversation was written, so that what says the same has one text. */
  readonly rewrittenBy?: readonly string[];
  /** What it leaves is never evicted. */
  readonly pinned: boolean;
  /** Most tokens that prompt and answer may come to, besides what the context allows; null = no other bound. */
  readonly quotaTokens: number | null;
  /** Interactive where nothing is said. */
  readonly priority?: Priority;
  /** What the text of the answer has to be; anything where nothing is said. */
  readonly constraint?: OutputConstraint;
  /** The hidden states of its prompt, pooled, come with the end of the answer. Nothing may be reused for it: states are of what is read. */
  readonly embeds?: Pooling;
  /** Special tokens stay in the text of the answer: some families mark calls and channels with them. */
  readonly keepSpecialTokens?: boolean;
  /** The last message is the beginning of the answer, which goes on from there. */
  readonly continuesLast?: boolean;
  /** More variables for the chat template, such as `enable_thinking`. */
  readonly templateVariables?: Readonly<Record<string, unknown>>;
  /** Its stages are told, as parts of this. */
  readonly trace?: TraceParent;
  /** Told of it when it is taken in, and of its events but for pieces of text. */
  readonly witness?: Witness;
}

/** Whoever wants to know what becomes of a request, with ids and seed, beside who reads the answer. It must not throw. */
export type Witness = (request: GenerationRequest, event: WitnessedEvent) => void;

export type WitnessedEvent = Extract<EngineEvent, { readonly type: 'queued' | 'started' | 'finished' }>;

/**
 * `continues` a conversation, whose KV may be cut to where both are the same; `branches` off from it, so that nothing of it may be cut;
 * or comes `beside` it, and what it leaves is the first to go when room is wanted.
 */
export type Relation = 'continues' | 'branches' | 'beside';

export type FinishReason = 'stop' | 'stop_string' | 'length';

export interface Usage {
  readonly promptTokens: number;
  /** Tokens of the prompt whose KV was there already. */
  readonly cachedTokens: number;
  readonly completionTokens: number;
}

export interface TokenLogprob {
  readonly token: number;
  readonly bytes: Uint8Array;
  readonly logprob: number;
  readonly top: readonly { readonly token: number; readonly bytes: Uint8Array; readonly logprob: number }[];
}

/** In order: queued, started, token*, finished. A failure is thrown by the iterator instead. */
export type EngineEvent =
  /** `promptEnd`: its last characters; some templates end with a mark that the answer then lacks. */
  | { readonly type: 'queued'; readonly promptTokens: number; readonly promptEnd: string }
  | { readonly type: 'started'; readonly promptTokens: number; readonly cachedTokens: number; readonly cache: CacheReport }
  /** `text` may be empty: half a character, or the possible start of a stop string, is held back. */
  | { readonly type: 'token'; readonly text: string; readonly logprob: TokenLogprob | null }
  /**
   * `stopString`: the one that ended it, where one did. `tokens`: prompt and answer in ids. Null where they came over a wire that does
   * not carry them.
   */
  | {
      readonly type: 'finished';
      readonly reason: FinishReason;
      readonly stopString: string | null;
      readonly usage: Usage;
      readonly tokens: Int32Array | null;
      /** [hiddenSize], not normalised, where the request `embeds`. */
      readonly embedding?: Float32Array;
    };

/** What a command talks to: the engine in its own process, or a daemon's through the client. */
export interface TextGenerator {
  submit(request: GenerationRequest, options?: { readonly signal?: AbortSignal }): AsyncIterable<EngineEvent>;
}

/** The KV of a request that nobody in particular makes, and that stays in this process; dialects say how long, and under which API key. */
export const NOBODYS_KV = {
  cachePrompt: true,
  persist: 'ram',
  scope: LOCAL_SCOPE,
  sessionId: null,
  pinned: false,
  quotaTokens: null,
} as const satisfies Partial<GenerationRequest>;
