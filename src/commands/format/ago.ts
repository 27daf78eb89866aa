const STEPS = [
  [60, 's'],
  [60, 'min'],
  [24, 'h'],
] as const;

/** `3 min ago`; both in seconds since 1970. A time to come is now: clocks jump. */
export function formatAgo(then: number, now: number): string {
  let value = Math.max(0, now - then);
  for (const [next, unit] of STEPS) {
    if (value < next) return `${Math.floor(value)} ${unit} ago`;
    value /= next;
  }
  return `${Math.floor(value)} d ago`;
}
