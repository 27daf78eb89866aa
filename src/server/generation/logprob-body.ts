import type { TokenLogprob } from '../../core/domain/request.js';

/** A token with its log-probability and the alternatives, best first, as the OpenAI dialect spells it. */
export function logprobBody(entry: TokenLogprob): object {
  return { ...one(entry), top_logprobs: entry.top.map(one) };
}

function one({ bytes, logprob }: Pick<TokenLogprob, 'bytes' | 'logprob'>): object {
  return { token: Buffer.from(bytes).toString('utf8'), logprob, bytes: [...bytes] };
}
