/** What it takes to have somebody else's client ask this daemon, for one process. */
export interface LaunchTarget {
  /** `http://host:port` or `https://host:port`. */
  readonly address: string;
  readonly model: string;
  /** Tokens of prompt and answer together. */
  readonly contextLength: number;
  /** Never empty: clients want one even where the daemon does not. */
  readonly apiKey: string;
}

export interface ClientSettings {
  /** Before the user's own, which win where a client takes the last. */
  readonly args: readonly string[];
  readonly set: Readonly<Record<string, string>>;
  /** What would lead the client elsewhere, or have it show this server a key that is meant for others. */
  readonly unset: readonly string[];
}

export interface Client {
  readonly title: string;
  /** Looked for on PATH. */
  readonly program: string;
  readonly install: string;
  settings(target: LaunchTarget, environment: Readonly<Record<string, string | undefined>>): ClientSettings;
}

/** Where clients that read their key from a variable find it; a setting of ours, so that commands they start take it too. */
export const KEY_VARIABLE = 'SEMANTIC_CLIENT_API_KEY';

const MAX_ANSWER_TOKENS = 32_000;

/** Room that a client may keep free for an answer. */
export function answerTokens({ contextLength }: LaunchTarget): number {
  return Math.min(MAX_ANSWER_TOKENS, Math.floor(contextLength / 4));
}
