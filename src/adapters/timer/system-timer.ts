import type { Timer } from '../../core/ports.js';

/** The machine's monotonic clock. */
export const systemTimer: Timer = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timeout = setTimeout(run, milliseconds);
    return () => clearTimeout(timeout);
  },
};
