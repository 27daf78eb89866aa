/** How long a new request would wait for a batch slot, from what runs and waits before it and what that costs. */

/** What a request has left to do. */
export interface Work {
  readonly prefillTokens: number;
  readonly outputTokens: number;
}

export interface Costs {
  /** Milliseconds that a prompt token takes. */
  readonly tokenMs: number;
  /** Milliseconds of a step that decodes. */
  readonly stepMs: number;
}

/** Milliseconds until a slot is free for whoever comes after all of `waiting`; 0 where one is free now. */
export function queueDelayMs(running: readonly Work[], waiting: readonly Work[], slots: number, costs: Costs): number {
  const free = Array.from({ length: Math.max(0, slots - running.length) }, () => 0);
  const ends = [...running.map((work) => durationMs(work, costs)), ...free].sort((a, b) => a - b);
  for (const work of waiting) insert(ends, ends.shift()! + durationMs(work, costs));
  const slotMs = ends[0] ?? 0;
  // Slots do not prefill at the same time.
  const ahead = slotMs === 0 ? [] : [...waiting, ...running];
  const before = waiting.length === 0 ? 0 : ahead.reduce((sum, { prefillTokens }) => sum + prefillTokens * costs.tokenMs, 0);
  return Math.max(slotMs, before);
}

function durationMs({ prefillTokens, outputTokens }: Work, { tokenMs, stepMs }: Costs): number {
  return prefillTokens * tokenMs + outputTokens * stepMs;
}

function insert(ascending: number[], value: number): void {
  const at = ascending.findIndex((other) => other > value);
  ascending.splice(at < 0 ? ascending.length : at, 0, value);
}
