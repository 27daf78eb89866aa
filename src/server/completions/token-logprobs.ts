/** Log-probabilities as this API lists them: four lists of one length, with the place of each token in the text. */
import type { TokenLogprob } from '../../core/domain/request.js';

export interface LogprobsBody {
  readonly tokens: string[];
  readonly token_logprobs: number[];
  readonly top_logprobs: Record<string, number>[];
  /** In characters (code points) from the start of the answer. */
  readonly text_offset: number[];
}

/** Of one answer, in order. */
export class TokenLogprobs {
  readonly #decoder = new TextDecoder();
  #offset = 0;

  /** `entries` follow those that were listed before. */
  list(entries: readonly TokenLogprob[]): LogprobsBody {
    return {
      tokens: entries.map(textOf),
      token_logprobs: entries.map(({ logprob }) => logprob),
      top_logprobs: entries.map((entry) => Object.fromEntries([entry, ...entry.top].map((one) => [textOf(one), one.logprob]))),
      text_offset: entries.map(({ bytes }) => this.#pass(bytes)),
    };
  }

  #pass(bytes: Uint8Array): number {
    const offset = this.#offset;
    this.#offset += [...this.#decoder.decode(bytes, { stream: true })].length;
    return offset;
  }
}

function textOf({ bytes }: Pick<TokenLogprob, 'bytes'>): string {
  return Buffer.from(bytes).toString('utf8');
}
