/** What became of a prompt's KV: how much was there, where, and why the rest was not. */

export const MISS_CAUSES = [
  'never_seen', // nothing with this start was ever served, in this scope
  'system_prompt', // the system message differs
  'tools_changed', // other tools
  'tool_order', // the same tools in another order
  'edited_turn', // a message of an earlier turn differs, or is gone
  'retokenized', // the same text in other tokens
  'template', // same messages and tools, other text: the template rendered them differently
  'evicted', // it was known, memory was needed, and it is not on disk
  'ttl', // its time was over
  'other_fingerprint', // it is of another model, tokenizer, template or KV format
  'window', // a windowed layer had forgotten what the cut needs
  'damaged', // it was on disk and failed its checksum
  'not_kept', // the earlier request did not leave its KV (cache_prompt false, persist none)
] as const;
export type MissCause = (typeof MISS_CAUSES)[number];

/** Where a prompt left what was known. */
export interface Miss {
  readonly cause: MissCause;
  /** Index of the first token that had to be prefilled though an earlier request of the same identity had its place. */
  readonly token: number;
  /** Text around it: shared text before, what was there then, what is there now. At most some tens of characters each. */
  readonly before: string;
  readonly was: string;
  readonly now: string;
}

export interface CacheReport {
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Prompt tokens that were prefilled and stay for later requests. */
  readonly createdTokens: number;
  /** `memory`: a sequence in engine memory; `disk`: blocks read back; `none`. With both, where most came from. */
  readonly source: 'memory' | 'disk' | 'none';
  /** Null when all that could be expected was there: the whole of the earlier request, or no earlier one. */
  readonly miss: Miss | null;
}
