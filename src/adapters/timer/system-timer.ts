import type { Timer } from '../../core/ports.js';

/** The machine's monotonic clock. What it is to call does not keep the process alive. */
export const systemTimer: Timer = {
  now: () => performance.now(),
  after(milliseconds, run) {
    const timeout = setTimeout(run, milliseconds).unref();
    return () => clearTimeout(timeout);
  },
};
