/** Says where a prompt left what an earlier one of the same identity had, and why. */
import type { Miss, MissCause } from './cache-report.js';
import { commonPrefix } from './common-prefix.js';
import type { PromptDigest } from './prompt-digest.js';

/** Why KV of tokens that are the same is not there; only who kept it knows. */
export type LossCause = Extract<MissCause, 'evicted' | 'ttl' | 'window' | 'damaged' | 'not_kept' | 'other_fingerprint'>;

export interface KnownPrompt {
  readonly tokens: Int32Array;
  readonly digest: PromptDigest;
  readonly fingerprint: string;
}

export interface MissQuestion {
  /** Prompt and answer of the earlier request; null where none is known. */
  readonly earlier: KnownPrompt | null;
  readonly now: KnownPrompt;
  readonly cachedTokens: number;
  /** With special tokens. */
  readonly decode: (ids: Int32Array) => string;
  /** Null where nobody knows of a loss. */
  readonly state: LossCause | null;
}

/** Tokens on each side that are decoded to look at their text; a character takes up to four. */
const WINDOW_TOKENS = 192;
/** Tokens whose text must be the same for two lists to differ by tokenization alone. */
const SAME_TEXT_TOKENS = 24;
const SHOWN_CHARACTERS = 48;

/** Null when all that could be there was: the whole of the earlier request but its last token, which never had KV. */
export function explainMiss({ earlier, now, cachedTokens, decode, state }: MissQuestion): Miss | null {
  if (cachedTokens >= now.tokens.length - 1) return null; // one token is always prefilled
  if (earlier === null) return at(cachedTokens, state === 'other_fingerprint' ? state : 'never_seen', null, now, decode);
  if (earlier.fingerprint !== now.fingerprint) return at(cachedTokens, 'other_fingerprint', earlier, now, decode);
  const shared = commonPrefix(earlier.tokens, now.tokens);
  const withKv = Math.min(shared, earlier.tokens.length - 1);
  if (cachedTokens < withKv) return at(cachedTokens, state ?? 'evicted', earlier, now, decode);
  if (withKv === earlier.tokens.length - 1) return null;
  return at(shared, differenceOf(earlier, now, shared, decode), earlier, now, decode);
}

/** The tokens differ at `shared`. */
function differenceOf(earlier: KnownPrompt, now: KnownPrompt, shared: number, decode: MissQuestion['decode']): MissCause {
  const was = earlier.digest;
  const is = now.digest;
  const texts = [earlier, now].map(({ tokens }) => trimmed(decode(tokens.subarray(shared, shared + SAME_TEXT_TOKENS))));
  const [short, long] = texts.sort((a, b) => a.length - b.length) as [string, string];
  if (short !== '' && long.startsWith(short)) return 'retokenized';
  if (was.system !== is.system) return 'system_prompt';
  if (was.tools !== is.tools) return was.toolSet === is.toolSet ? 'tool_order' : 'tools_changed';
  return was.messages.some((message, i) => message !== is.messages[i]) ? 'edited_turn' : 'template';
}

function at(token: number, cause: MissCause, earlier: KnownPrompt | null, now: KnownPrompt, decode: MissQuestion['decode']): Miss {
  const after = (tokens: Int32Array): string =>
    [...trimmed(decode(tokens.subarray(token, token + WINDOW_TOKENS)))].slice(0, SHOWN_CHARACTERS).join('');
  const before = trimmed(decode(now.tokens.subarray(Math.max(0, token - WINDOW_TOKENS), token)));
  return {
    cause,
    token,
    before: [...before].slice(-SHOWN_CHARACTERS).join(''),
    was: earlier === null ? '' : after(earlier.tokens),
    now: after(now.tokens),
  };
}

/** Without the halves of characters that a cut between tokens leaves at the edges. */
function trimmed(text: string): string {
  return text.replace(/^\uFFFD+|\uFFFD+$/g, '');
}
