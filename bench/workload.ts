/** One cell of the throughput table: what is timed, after how many tokens of context, at how many sequences. */
export interface Workload {
  readonly kind: 'prefill' | 'decode';
  /** Prefill: prompt tokens. Decode: tokens generated per sequence. */
  readonly tokens: number;
  /** Tokens in the KV cache before the clock starts. */
  readonly depth: number;
  readonly sequences: number;
}

/** Something that can run a workload once and says how many tokens per second it did (aggregate over sequences). */
export interface Contender {
  readonly name: string;
  run(workload: Workload): Promise<number>;
  close(): Promise<void>;
}

export function label(w: Workload): string {
  const depth = w.depth > 0 ? ` at depth ${w.depth}` : '';
  const many = w.sequences > 1 ? ` x ${w.sequences} sequences` : '';
  return `${w.kind} ${w.tokens}${depth}${many}`;
}
