/** What each session last held, so that a prompt can be tied to it and a miss explained. Bounded: the least recently used is forgotten. */
import type { CacheReport, Miss } from '../domain/cache-report.js';
import { explainMiss, type LossCause } from '../domain/explain-miss.js';
import type { PromptDigest } from '../domain/prompt-digest.js';
import type { Identity } from './retained-sequences.js';

export interface History {
  /** Prompt and answer. */
  readonly tokens: Int32Array;
  /** Of what the prompt was made. */
  readonly digest: PromptDigest;
  readonly fingerprint: string;
  /** What became of its KV when it is not there any more. */
  lost: LossCause | null;
}

export interface Found {
  readonly prompt: Int32Array;
  readonly digest: PromptDigest;
  readonly cachedTokens: number;
  readonly source: CacheReport['source'];
  /** Whether what is prefilled stays for later requests. */
  readonly kept: boolean;
  /** Said by who looked for it, where it knows better. */
  readonly lost: LossCause | null;
}

export class CacheHistories {
  readonly #byIdentity = new Map<string, History>();
  readonly #misses = new Map<string, number>();

  constructor(
    private readonly fingerprint: string,
    private readonly decode: (ids: Int32Array) => string,
    private readonly limit: number,
  ) {}

  get(identity: Identity): History | null {
    return (identity.sessionId === null ? undefined : this.#byIdentity.get(keyOf(identity))) ?? null;
  }

  /** Null where they are not known, or another tokenizer's. */
  tokensOf(identity: Identity): Int32Array | null {
    const history = this.get(identity);
    return history?.fingerprint === this.fingerprint ? history.tokens : null;
  }

  set(identity: Identity, history: History): void {
    if (identity.sessionId === null) return;
    const key = keyOf(identity);
    this.#byIdentity.delete(key);
    this.#byIdentity.set(key, history);
    if (this.#byIdentity.size > this.limit) this.#byIdentity.delete(this.#byIdentity.keys().next().value!);
  }

  forget(identity: Identity): void {
    this.#byIdentity.delete(keyOf(identity));
  }

  /** Its KV is gone from memory. */
  lose(identity: Identity, state: LossCause): void {
    const history = this.get(identity);
    if (history !== null) history.lost = state;
  }

  /** Counted by cause, since the engine started. */
  misses(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#misses);
  }

  report(identity: Identity, found: Found): CacheReport {
    const miss = this.#explain(identity, found);
    if (miss !== null) this.#misses.set(miss.cause, (this.#misses.get(miss.cause) ?? 0) + 1);
    const { prompt, cachedTokens, source, kept } = found;
    return { promptTokens: prompt.length, cachedTokens, createdTokens: kept ? prompt.length - cachedTokens : 0, source, miss };
  }

  #explain(identity: Identity, { prompt, digest, cachedTokens, lost }: Found): Miss | null {
    const earlier = this.get(identity);
    // Nothing was to be expected where others' prompts gave what they could.
    if (earlier === null && cachedTokens > 0) return null;
    const now = { tokens: prompt, digest, fingerprint: this.fingerprint };
    return explainMiss({ earlier, now, cachedTokens, decode: this.decode, state: lost ?? earlier?.lost ?? null });
  }
}

function keyOf({ scope, sessionId }: Identity): string {
  return `${scope}\n${sessionId}`;
}
