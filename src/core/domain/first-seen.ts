/** First position whose key and value the next query sees: that of a sequence of `length` tokens is at position `length`. */
export function firstSeen(window: number | null, length: number): number {
  return window === null ? 0 : Math.max(0, length - window + 1);
}
