import type { CacheReport } from '../core/domain/cache-report.js';

/** `x-semantic-cache: memory; cached=4096; prompt=4130; miss=edited_turn; token=311`: figures and words of ours, so ASCII. */
export function cacheHeaders({ source, cachedTokens, promptTokens, miss }: CacheReport): { readonly 'x-semantic-cache': string } {
  const parts = [source, `cached=${cachedTokens}`, `prompt=${promptTokens}`];
  if (miss !== null) parts.push(`miss=${miss.cause}`, `token=${miss.token}`);
  return { 'x-semantic-cache': parts.join('; ') };
}
