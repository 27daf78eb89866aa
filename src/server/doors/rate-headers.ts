/** What is left of a key's minute, as the vendors' clients read it. */
import type { RateBudget } from '../../core/domain/rate-limits.js';
import type { TokenBucket } from '../../core/domain/token-bucket.js';

type Dialect = 'openai' | 'messages';

/** Those of what is limited; none where nothing is. */
export function rateHeaders({ requests, tokens }: RateBudget, now: number, dialect: Dialect): Record<string, string> {
  const spell = dialect === 'openai' ? openai : messages;
  return {
    ...(requests === null ? {} : spell('requests', requests, now)),
    ...(tokens === null ? {} : spell('tokens', tokens, now)),
  };
}

/** `reset`: how long until all is there again. */
function openai(of: string, bucket: TokenBucket, now: number): Record<string, string> {
  return {
    [`x-ratelimit-limit-${of}`]: String(bucket.perMinute),
    [`x-ratelimit-remaining-${of}`]: String(bucket.left(now)),
    [`x-ratelimit-reset-${of}`]: duration(bucket.fullInMs(now)),
  };
}

/** `reset`: when all is there again, RFC 3339. */
function messages(of: string, bucket: TokenBucket, now: number): Record<string, string> {
  const reset = new Date(Date.now() + Math.ceil(bucket.fullInMs(now) / 1000) * 1000);
  return {
    [`anthropic-ratelimit-${of}-limit`]: String(bucket.perMinute),
    [`anthropic-ratelimit-${of}-remaining`]: String(bucket.left(now)),
    [`anthropic-ratelimit-${of}-reset`]: reset.toISOString().replace(/\.\d+Z$/, 'Z'),
  };
}

/** `250ms`, `1s`, `6m0s`: as the vendor writes them. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

const SIDES = ['limit', 'remaining', 'reset'];

/** Their names, in both dialects. */
export const RATE_HEADERS: readonly string[] = ['requests', 'tokens'].flatMap((of) =>
  SIDES.flatMap((side) => [`x-ratelimit-${side}-${of}`, `anthropic-ratelimit-${of}-${side}`]),
);
