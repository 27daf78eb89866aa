/** How long a job waits for its next attempt. */
export interface JobBackoff {
  /** After the first attempt, milliseconds; twice as long after each other one. */
  readonly firstMs: number;
  readonly mostMs: number;
}

/** `attempts` were made. `chance` in 0..1 spreads those that failed together over the last half of the time. */
export function backoffMs(attempts: number, { firstMs, mostMs }: JobBackoff, chance: number): number {
  const whole = Math.min(mostMs, firstMs * 2 ** Math.min(30, attempts - 1));
  return Math.round(whole * (0.5 + chance / 2));
}
