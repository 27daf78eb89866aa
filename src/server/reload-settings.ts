/** Settings that are read again while the daemon runs: what may change does, and what may not is named. */
import type { Config } from '../adapters/config/schema.js';
import type { Reloaded } from '../client/config-bodies.js';
import type { SchedulerLimits } from '../core/engine/scheduler-limits.js';
import type { RateLimits } from '../core/domain/rate-limits.js';
import { rateLimits, schedulerLimits } from './engine-limits.js';
import type { TlsChange } from './served-tls.js';

export interface Reloadable {
  setLimits(change: Partial<SchedulerLimits>): void;
  setLevel(level: Config['log']['level']): void;
  setRates(limits: RateLimits): void;
  /** Reads the files of TLS, also where they are named as before. Throws ConfigInvalid. */
  prepareTls(settings: Config['server']): TlsChange;
}

const KEYS: ReadonlySet<string> = new Set(['log.level', 'engine.max_batch_sequences', 'engine.max_queue', 'engine.retry_after_seconds']);
const mayChange = (key: string): boolean => KEYS.has(key) || key.startsWith('scheduler.') || key.startsWith('limits.');
const isOfTls = (key: string): boolean => key.startsWith('server.tls_');

/** `read` throws ConfigInvalid; then nothing has changed. What was changed over the API stays, where the files say nothing new about it. */
export function reloader(started: Config, read: () => Config, daemon: Reloadable): () => Reloaded {
  let running = started;
  return () => {
    const next = read();
    const tls = daemon.prepareTls(next.server);
    const applied = different(running, next).filter(mayChange);
    daemon.setLimits(changed(schedulerLimits(running), schedulerLimits(next)));
    if (applied.includes('log.level')) daemon.setLevel(next.log.level);
    daemon.setRates(rateLimits(next));
    tls.apply();
    running = next;
    const rest = different(started, next).filter((key) => !mayChange(key) && !isOfTls(key));
    return { applied: [...applied, ...tls.applied], needs_restart: [...rest, ...tls.needsRestart] };
  };
}

/** Keys, `section.key`. */
function different(before: Config, after: Config): string[] {
  return Object.entries(before).flatMap(([section, values]) =>
    Object.entries(values)
      .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify((after[section as keyof Config] as Record<string, unknown>)[key]))
      .map(([key]) => `${section}.${key}`),
  );
}

function changed(before: SchedulerLimits, after: SchedulerLimits): Partial<SchedulerLimits> {
  return Object.fromEntries(Object.entries(after).filter(([name, value]) => value !== before[name as keyof SchedulerLimits]));
}
